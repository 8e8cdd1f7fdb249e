"""ONNX Runtime on the CPU, for machines that OpenVINO does not suit."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrnet.artefacts.onnx_outputs import cut_to_outputs
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.engine_options import DEFAULTS, EngineOptions
from ocrnet.errors import ArtefactError, EngineError, OutOfMemory
from ocrnet.memory_errors import says_out_of_memory
from ocrnet.without_telemetry import import_module, onnxruntime

# Its errors derive from Exception alone and have no public name of their own.
_states = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
_ERRORS = tuple(
    kind
    for kind in vars(_states).values()
    if isinstance(kind, type) and issubclass(kind, Exception)
)

_ERRORS_ALONE = 3  # of ONNX Runtime's levels of severity


def open_session(
    model: Path | bytes,
    settings: onnxruntime.SessionOptions,
    provider: tuple[str, dict[str, str]],
) -> onnxruntime.InferenceSession:
    """Open a file, or a serialised ONNX model, on a provider: its name and its options.

    Raises ArtefactError for a graph that ONNX Runtime cannot load, or not with the provider, and
    OutOfMemory.
    """
    fallback = [] if provider[0] == "CPUExecutionProvider" else ["CPUExecutionProvider"]
    try:
        session = onnxruntime.InferenceSession(
            str(model) if isinstance(model, Path) else model,
            settings,
            providers=[provider, *fallback],
        )
    except _ERRORS as error:
        if says_out_of_memory(str(error)):
            raise OutOfMemory from error
        name = model if isinstance(model, Path) else "the graph in memory"
        raise ArtefactError(f"ONNX Runtime cannot load {name}: {error}") from error
    if session.get_providers()[0] != provider[0]:  # it would go on without, and say so
        raise ArtefactError(f"ONNX Runtime has no {provider[0]} here, which was asked for")
    return session


class OnnxRuntimeGraph:
    """A LoadedGraph of ONNX Runtime.

    Of a graph with labels, calls for logits alone have a session of their own, opened by the first
    of them: ONNX Runtime runs all nodes whatever is asked for, and those behind the logits are for
    the labels. It takes the memory of the weights a second time.
    """

    def __init__(
        self,
        model: Path | bytes,
        options: EngineOptions = DEFAULTS,
        *,
        provider: tuple[str, dict[str, str]] = ("CPUExecutionProvider", {}),
        quiet: bool = False,
        qdq_in_float: bool = False,
    ):
        """Open a file, or a graph in memory: a serialised ONNX model.

        provider: ONNX Runtime's name of it, and its options. quiet: errors are logged, warnings are
        not. qdq_in_float: quantise and dequantise where the graph says so and compute in float
        between, instead of by kernels of 8 bits.

        Raises ArtefactError for a graph that ONNX Runtime cannot load, or not with the provider.
        """
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = options.threads
        # Threads that wait actively would take the cores from decoding and stitching.
        settings.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if quiet:
            settings.log_severity_level = _ERRORS_ALONE
        if qdq_in_float:
            settings.add_session_config_entry("session.disable_quant_qdq", "1")
        self._session = open_session(model, settings, provider)
        self.outputs = frozenset(one.name for one in self._session.get_outputs())
        self._logits_alone: _LogitsAlone | None = None
        if {"logits", "labels"} <= self.outputs:
            content = model.read_bytes() if isinstance(model, Path) else model
            self._logits_alone = _LogitsAlone(
                lambda: open_session(cut_to_outputs(content, {"logits"}), settings, provider)
            )

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        return self.run_outputs(images, [output])[output]

    def run_outputs(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        """As run, but several outputs of one run, by name."""
        alone = self._logits_alone
        session = alone.session() if alone and list(outputs) == ["logits"] else self._session
        try:
            results = session.run(list(outputs), {"image": np.ascontiguousarray(images)})
        except _ERRORS as error:
            if says_out_of_memory(str(error)):
                raise OutOfMemory from error
            raise EngineError(f"ONNX Runtime failed on images of shape {images.shape}") from error
        return dict(zip(outputs, results, strict=True))


class _LogitsAlone:
    """The session for calls that want no labels."""

    def __init__(self, opened: Callable[[], onnxruntime.InferenceSession]):
        """opened: makes it, of what was read at the start; the file may be another one by now."""
        self._opened: Callable[[], onnxruntime.InferenceSession] | None = opened
        self._session: onnxruntime.InferenceSession | None = None
        self._lock = threading.Lock()

    def session(self) -> onnxruntime.InferenceSession:
        """Open it on first use; raises as open_session."""
        with self._lock:
            if self._opened is not None:
                self._session = self._opened()
                self._opened = None  # lets go of the graph's bytes
            return self._session
