"""Graphs of ONNX Runtime whose inputs and outputs are bound to memory of the device that computes.

The same code runs on the CPU, where that memory is the process's own: so it is tested.
"""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.cuda.provider import cuda_failure, provider_options
from ocrnet.engines.engine_options import Gpu, Provider
from ocrnet.engines.onnxruntime import (
    CPU_PROVIDER,
    ONNXRUNTIME_ERRORS,
    open_session,
    run_error,
)
from ocrnet.errors import DeviceLost, OutOfMemory
from ocrnet.memory_errors import says_out_of_memory
from ocrnet.without_telemetry import onnxruntime

_FREE_BATCH = "N"  # as our graphs call their free dimension
_NO_GRAPH = -1
_SMALL = (1, 32, 32, 3)
# While a CUDA graph is captured, no thread of the process may allocate memory of the GPU or wait
# for it: the capture would fail. So one session is opened or run at a time.
_DEVICE_IN_USE = threading.RLock()


@dataclass(frozen=True)
class Place:
    """Where a session computes and its tensors lie; gpu: None: the CPU."""

    gpu: Gpu | None

    def __str__(self) -> str:
        return "the CPU" if self.gpu is None else str(self.gpu)

    @property
    def kind(self) -> Literal["cpu", "cuda"]:
        """As ONNX Runtime names it."""
        return "cpu" if self.gpu is None else "cuda"

    @property
    def index(self) -> int:
        """Of the device among those of its kind."""
        return 0 if self.gpu is None else self.gpu.index

    def provider(self, *, fixed: bool, half: bool, captured: bool) -> Provider:
        """Name and options of the provider; arguments as of `provider_options`."""
        if self.gpu is None:
            return CPU_PROVIDER, {}
        return provider_options(self.index, fixed=fixed, half=half, captured=captured)

    def put(self, array: NDArray[np.generic]) -> onnxruntime.OrtValue:
        """Copy an array there."""
        # On the CPU ONNX Runtime takes the array's own memory.
        held = array.copy() if self.gpu is None else np.ascontiguousarray(array)
        return onnxruntime.OrtValue.ortvalue_from_numpy(held, self.kind, self.index)

    def fetch(self, value: onnxruntime.OrtValue) -> NDArray[np.generic]:
        """Copy a tensor from there: the array is the caller's own."""
        array: NDArray[np.generic] = value.numpy()
        return array.copy() if self.gpu is None else array

    def answers(self) -> bool:
        """Whether the device still takes and gives back data.

        A GPU that failed in such a way that CUDA cannot go on fails every later call too.
        """
        try:
            return bool(self.fetch(self.put(np.arange(4, dtype=np.uint8)))[3] == 3)
        except ONNXRUNTIME_ERRORS as error:
            return says_out_of_memory(str(error))

    @contextmanager
    def at_work(self, images: Images) -> Iterator[None]:
        """Use the device alone, to run those images.

        Raises OutOfMemory, DeviceLost, and EngineError for what ONNX Runtime says else.
        """
        with _DEVICE_IN_USE:
            try:
                yield
            except ONNXRUNTIME_ERRORS as error:
                told = run_error(error, images)
                if not isinstance(told, OutOfMemory) and not self.answers():
                    raise DeviceLost(
                        f"{self} stopped working, and this process cannot use it again: "
                        f"{cuda_failure(error)}"
                    ) from error
                raise told from error


class BoundGraph:
    """A LoadedGraph that takes images of any shape its file allows."""

    def __init__(
        self,
        model: Path | bytes,
        place: Place,
        *,
        half: bool = False,
        batch: int | None = None,
        captured: bool = False,
    ):
        """Open a file, or a serialised ONNX model; raises ArtefactError, OutOfMemory.

        half: the graph is float16. batch: the one number of images that it will take; None: any.
        With the size fixed too, ONNX Runtime computes all shapes now, and no node of theirs is left
        on the CPU. captured: replay runs as a CUDA graph.
        """
        settings = onnxruntime.SessionOptions()
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if batch is not None:
            settings.add_free_dimension_override_by_name(_FREE_BATCH, batch)
        provider = place.provider(fixed=batch is not None, half=half, captured=captured)
        with _DEVICE_IN_USE:
            self._session = open_session(model, settings, provider)
        self._place = place
        self._input: onnxruntime.OrtValue | None = None
        self.provider: str = self._session.get_providers()[0]
        self.outputs = frozenset(one.name for one in self._session.get_outputs())

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run, and raises DeviceLost."""
        try:
            with self._place.at_work(images):
                return self._run_eagerly(images, [output])[output]
        except OutOfMemory:
            self._release_memory()
            with self._place.at_work(images):
                return self._run_eagerly(images, [output])[output]

    def _release_memory(self) -> None:
        """Give back what earlier runs needed: ONNX Runtime keeps memory for each shape it met."""
        self._input = None
        small = np.zeros(_SMALL, np.uint8)
        options = run_options(_NO_GRAPH)
        options.add_run_config_entry(
            "memory.enable_memory_arena_shrinkage",
            f"{'cpu' if self._place.gpu is None else 'gpu'}:{self._place.index}",
        )
        with self._place.at_work(small):
            binding = self._session.io_binding()
            binding.bind_ortvalue_input("image", self._place.put(small))
            for output in self.outputs:
                binding.bind_output(output, self._place.kind, self._place.index)
            self._session.run_with_iobinding(binding, options)

    def _run_eagerly(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        """Launch one kernel after the other; ONNX Runtime allocates the outputs."""
        binding = self._session.io_binding()
        binding.bind_ortvalue_input("image", self._put(images))
        for output in outputs:
            binding.bind_output(output, self._place.kind, self._place.index)
        binding.synchronize_inputs()
        self._session.run_with_iobinding(binding, run_options(_NO_GRAPH))
        found = zip(outputs, binding.get_outputs(), strict=True)
        return {output: self._place.fetch(value) for output, value in found}

    def _put(self, images: Images) -> onnxruntime.OrtValue:
        """Copy the images to the device, into the memory of the last ones if they are as many."""
        if self._input is None or tuple(self._input.shape()) != images.shape:
            self._input = None  # given back first
            self._input = self._place.put(images)
        else:
            self._input.update_inplace(np.ascontiguousarray(images))
        return self._input


def run_options(graph: int) -> onnxruntime.RunOptions:
    """graph: number of the CUDA graph to capture or to replay; -1: none. The CPU ignores it."""
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("gpu_graph_id", str(graph))
    return options
