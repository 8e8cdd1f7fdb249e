"""A graph of one size at fixed numbers of images: nothing is allocated in a run."""

import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.cuda.bound_graph import BoundGraph, Place, run_options
from ocrnet.errors import ArtefactError, DeviceLost, EngineError, OutOfMemory
from ocrnet.without_telemetry import onnxruntime
from ocrnet.zoo.spec import Size

_logger = logging.getLogger("ocrnet.engines")

_THE_GRAPH = 1  # its number, of one

# A replay of the wrong memory differs by far more from the run that it repeats; kernels that add up
# in no fixed order differ by less. Of the largest logit, or a few roundings; of all labels.
_LOGITS_TOLERANCE = 1e-4
_ROUNDINGS = 4
_LABELS_TOLERANCE = 1e-2


class FixedBatchGraph(BoundGraph):
    """A LoadedGraph for one number of images of one size, its tensors at fixed addresses.

    On a GPU a run is one CUDA graph: all kernels are launched at once. Everything but the
    constructor is called in one thread: ONNX Runtime keeps a CUDA graph with the thread that
    captured it. A graph with labels computes them for calls that want logits too.
    """

    def __init__(
        self,
        model: Path | bytes,
        place: Place,
        shape: tuple[int, ...],
        *,
        half: bool,
        captured: bool,
    ):
        """shape: of the images, (N, H, W, 3). Others as BoundGraph."""
        super().__init__(model, place, half=half, batch=shape[0], captured=captured)
        self._shape = shape
        self._values: dict[OutputName, onnxruntime.OrtValue] = {}
        self._binding = self._session.io_binding()
        self._options = run_options(_THE_GRAPH)

    def prepare(self) -> None:
        """Allocate the outputs and capture the CUDA graph.

        Raises EngineError where a replay is not what the kernels compute one by one, OutOfMemory.
        """
        outputs: list[OutputName] = sorted(self.outputs)
        first = np.random.default_rng(0).integers(0, 256, self._shape, dtype=np.uint8)
        with self._place.at_work(first):
            for output, like in self._run_eagerly(first, outputs).items():
                self._values[output] = self._place.put(like)
                self._binding.bind_ortvalue_output(output, self._values[output])
            self._binding.bind_ortvalue_input("image", self._input)
            # The first is captured, the second replayed.
            for images in (first, np.ascontiguousarray(first[:, ::-1])):
                expected = self._run_eagerly(images, outputs)
                self._replay(images)
                for output in outputs:
                    check_replay(self._place.fetch(self._values[output]), expected[output])

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As BoundGraph.run; images of another shape than the graph's are an EngineError."""
        if images.shape != self._shape:
            raise EngineError(f"the graph is for images of {self._shape}, not {images.shape}")
        with self._place.at_work(images):
            self._replay(images)
            return self._place.fetch(self._values[output])

    def _replay(self, images: Images) -> None:
        self._put(images)  # of the same shape, so at the same address
        self._binding.synchronize_inputs()
        self._session.run_with_iobinding(self._binding, self._options)


class BatchedGraph:
    """A LoadedGraph of one size for any number of images, by graphs for some numbers of them."""

    def __init__(self, graphs: Mapping[int, FixedBatchGraph]):
        """graphs: by the number of images; 1 is among them."""
        self._graphs = dict(sorted(graphs.items(), reverse=True))
        self.most_images = next(iter(self._graphs))
        self.outputs = graphs[1].outputs

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run: as many images at once as there is a graph for."""
        answers = []
        start = 0
        while start < len(images):
            many = next(many for many in self._graphs if many <= len(images) - start)
            answers.append(self._graphs[many].run(images[start : start + many], output))
            start += many
        return answers[0] if len(answers) == 1 else np.concatenate(answers)


def open_batched(
    model: Path | bytes, place: Place, size: Size, *, half: bool, batches: list[int]
) -> BatchedGraph:
    """Open a graph of one size for those numbers of images, 1 among them, in the calling thread.

    Larger numbers than the device has memory for are left out, and the log says so.
    Raises ArtefactError, OutOfMemory, DeviceLost.
    """
    graphs: dict[int, FixedBatchGraph] = {}
    for many in sorted(batches):
        try:
            graphs[many] = _open_fixed(model, place, (many, size.height, size.width, 3), half=half)
        except OutOfMemory:
            if many == 1:
                raise
            _logger.warning(
                "%s has no memory left for %d images of %s at once: they run in smaller batches",
                place, many, size,
            )  # fmt: skip
            break
    return BatchedGraph(graphs)


def _open_fixed(
    model: Path | bytes, place: Place, shape: tuple[int, ...], *, half: bool
) -> FixedBatchGraph:
    """With a CUDA graph; without, and the log says why, where that fails."""
    if place.gpu is not None:
        try:
            return _prepared(model, place, shape, half=half, captured=True)
        except DeviceLost:
            raise
        except (ArtefactError, EngineError) as error:
            _logger.warning("no CUDA graph for images of %s, which is slower: %s", shape, error)
    # The other one, its weights among it, is gone by now.
    return _prepared(model, place, shape, half=half, captured=False)


def _prepared(
    model: Path | bytes, place: Place, shape: tuple[int, ...], *, half: bool, captured: bool
) -> FixedBatchGraph:
    graph = FixedBatchGraph(model, place, shape, half=half, captured=captured)
    graph.prepare()
    return graph


def check_replay(found: NDArray[np.generic], expected: NDArray[np.generic]) -> None:
    """Raise EngineError if a replayed run is not the run that it repeats."""
    if found.shape != expected.shape:
        raise EngineError(f"a replayed run gave {found.shape}, not {expected.shape}")
    if np.issubdtype(expected.dtype, np.floating):
        wide, right = found.astype(np.float32), expected.astype(np.float32)
        if not np.array_equal(np.isfinite(wide), np.isfinite(right)):
            raise EngineError("a replayed run has other finite values than the run that it repeats")
        # What overflows in both is no fault of the replay: calls check their logits themselves.
        wide, right = (np.where(np.isfinite(one), one, 0) for one in (wide, right))
        error = float(np.abs(wide - right).max() / max(float(np.abs(right).max()), 1e-30))
        rounding = float(np.finfo(np.float16 if expected.dtype == np.float16 else np.float32).eps)
        same = error <= max(_LOGITS_TOLERANCE, _ROUNDINGS * rounding)
    else:
        error = float(np.mean(found != expected))
        same = error <= _LABELS_TOLERANCE
    if not same:
        raise EngineError(f"a replayed run differs from the run that it repeats by {error:.2g}")
