"""ONNX Runtime: sessions that never change their provider unasked, and graphs on the CPU."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrnet.artefacts.onnx_outputs import cut_to_outputs
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.engine_options import DEFAULTS, EngineOptions, Provider
from ocrnet.errors import ArtefactError, EngineError, OutOfMemory
from ocrnet.memory_errors import says_out_of_memory
from ocrnet.without_telemetry import import_module, onnxruntime

CPU_PROVIDER = "CPUExecutionProvider"

# Its errors derive from Exception alone and have no public name of their own. With tensors bound to
# memory it raises RuntimeError instead, and ValueError for tensors that do not fit.
_states = import_module("onnxruntime.capi.onnxruntime_pybind11_state")
ONNXRUNTIME_ERRORS: tuple[type[Exception], ...] = (
    RuntimeError,
    ValueError,
    *(
        kind
        for kind in vars(_states).values()
        if isinstance(kind, type) and issubclass(kind, Exception)
    ),
)

# Of ONNX Runtime's levels of severity; warnings and worse are its default.
_WARNINGS, _ERRORS_ALONE, _NOTHING = 2, 3, 4


@contextmanager
def quiet() -> Iterator[None]:
    """ONNX Runtime logs nothing in the block, not even what it raises as an error too."""
    onnxruntime.set_default_logger_severity(_NOTHING)
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(_WARNINGS)


class ProviderMissing(ArtefactError):
    """ONNX Runtime has no such provider, or cannot load its libraries."""


def open_session(
    model: Path | bytes, settings: onnxruntime.SessionOptions, provider: Provider
) -> onnxruntime.InferenceSession:
    """Open a file, or a serialised ONNX model, on a provider: its name and its options.

    Raises ArtefactError for a graph that ONNX Runtime cannot load, ProviderMissing, OutOfMemory.
    """
    others = [] if provider[0] == CPU_PROVIDER else [CPU_PROVIDER]
    try:
        session = onnxruntime.InferenceSession(
            str(model) if isinstance(model, Path) else model,
            settings,
            providers=[provider, *others],
            enable_fallback=0,  # or a failed run would be repeated on the CPU, for ever
        )
    except ONNXRUNTIME_ERRORS as error:
        if says_out_of_memory(str(error)):
            raise OutOfMemory from error
        name = model if isinstance(model, Path) else "the graph in memory"
        raise ArtefactError(f"ONNX Runtime cannot load {name}: {error}") from error
    if session.get_providers()[0] != provider[0]:  # it goes on without, and logs a warning
        raise ProviderMissing(f"ONNX Runtime has no {provider[0]} here, which was asked for")
    return session


def run_error(error: Exception, images: Images) -> EngineError | OutOfMemory:
    """What to raise for an error of ONNX Runtime in a run."""
    if says_out_of_memory(str(error)):
        return OutOfMemory()
    return EngineError(f"ONNX Runtime failed on images of shape {images.shape}")


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
        provider: Provider = (CPU_PROVIDER, {}),
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
        except ONNXRUNTIME_ERRORS as error:
            raise run_error(error, images) from error
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
