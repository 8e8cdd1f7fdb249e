"""OpenVINO on the CPU: the default in process, by measurement (docs/adr/0003)."""

import contextlib
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ocrnet import __version__
from ocrnet.artefacts import Precision
from ocrnet.engines.compiled import CompiledCache, key_of
from ocrnet.engines.contract import Images, OutputName
from ocrnet.engines.engine_options import DEFAULTS, EngineOptions
from ocrnet.errors import ArtefactError, EngineError
from ocrnet.memory_errors import memory_errors
from ocrnet.without_telemetry import openvino

_CAPABLE = "OPTIMIZATION_CAPABILITIES"


class OpenVinoGraph:
    """A LoadedGraph of OpenVINO."""

    def __init__(
        self,
        model: Path | openvino.Model,
        options: EngineOptions = DEFAULTS,
        *,
        precision: Precision = "float32",
    ):
        """Compile the graph, or take it from the cache of compiled ones.

        precision: the artefact's; of an INT8 graph the rest is bfloat16, where the CPU has it.
        A graph of one size is compiled for one picture at a time, and several run one by one: with
        a free N OpenVINO cannot see that a transpose between its own layouts moves nothing. A model
        in memory is its owner's: it is compiled as it is, and never cached.
        Raises ArtefactError for a graph that OpenVINO cannot compile.
        """
        config: dict[str, object] = dict(cpu_config(precision))
        if options.threads:
            config["INFERENCE_NUM_THREADS"] = options.threads
        if options.streams > 1:
            config["NUM_STREAMS"] = options.streams
        if options.pin is not None:
            config["ENABLE_CPU_PINNING"] = options.pin
        self._model, self._config, self._cache = model, config, options.cache
        self._lock = threading.Lock()
        # Requests that no call uses: each holds the inputs and outputs of one.
        self._idle: list[openvino.InferRequest] = []
        self._compiled: openvino.CompiledModel | None = self._compile()
        shape = self._compiled.input("image").partial_shape
        self._one_by_one = shape[1].is_static and shape[2].is_static
        self.outputs = frozenset(name for port in self._compiled.outputs for name in port.names)

    def _compile(self) -> openvino.CompiledModel:
        try:
            with memory_errors():
                if isinstance(self._model, Path):
                    return _compiled(self._model, self._config, self._cache)
                return openvino.Core().compile_model(self._model, "CPU", self._config)
        except RuntimeError as error:
            name = self._model if isinstance(self._model, Path) else "the graph in memory"
            raise ArtefactError(f"OpenVINO cannot compile {name}: {error}") from error

    def run(self, images: Images, output: OutputName) -> NDArray[np.generic]:
        """As LoadedGraph.run."""
        return self.run_outputs(images, [output])[output]

    def run_outputs(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        """As run, but several outputs of one run, by name."""
        if self._one_by_one and len(images) > 1:
            parts = [self._run(image[None], outputs) for image in images]
            return {name: np.concatenate([part[name] for part in parts]) for name in outputs}
        return self._run(images, outputs)

    def _run(
        self, images: Images, outputs: Sequence[OutputName]
    ) -> dict[OutputName, NDArray[np.generic]]:
        with self._lock:
            if self._compiled is None:
                self._compiled = self._compile()
            compiled = self._compiled
            request = self._idle.pop() if self._idle else None
        usable = None
        try:
            with memory_errors():
                request = request or compiled.create_infer_request()
                request.infer({"image": np.ascontiguousarray(images)})
                # Copies: the request writes its next answer into the same memory.
                found: dict[OutputName, NDArray[np.generic]] = {
                    name: request.get_tensor(name).data.copy() for name in outputs
                }
            usable = request
        except RuntimeError as error:
            raise EngineError(f"OpenVINO failed on images of shape {images.shape}") from error
        finally:
            self._put_back(usable, compiled)
        return found

    def _put_back(
        self, request: openvino.InferRequest | None, compiled: openvino.CompiledModel
    ) -> None:
        """Keep a request for the next call; None: its run failed, so the graph is compiled anew.

        A run that stops halfway, usually because memory is short, leaves the compiled graph in a
        mixed state: the next run crashes the process, or answers in the shape of the failed one.
        """
        with self._lock:
            if self._compiled is not compiled:
                return
            if request is not None:
                self._idle.append(request)
            else:
                self._compiled = None
                self._idle.clear()


def cpu_config(precision: Precision = "float32") -> dict[str, str]:
    """Return what OpenVINO compiles a graph of that precision with, wherever the project does.

    `LATENCY`: all threads work on one call. The rest as `float_type` says.
    """
    return {"INFERENCE_PRECISION_HINT": float_type(precision), "PERFORMANCE_HINT": "LATENCY"}


def float_type(precision: Precision) -> str:
    """What OpenVINO is told to compute in where a graph has no 8 bits.

    Its own default is bfloat16 where the CPU has it, which is off by 1e-2: float32 it is. What
    stands between layers of 8 bits is as coarse already, and half as much to move.
    """
    if precision != "int8":
        return "f32"
    return "bf16" if "BF16" in openvino.Core().get_property("CPU", _CAPABLE) else "f32"


def _compiled(path: Path, config: dict[str, object], folder: Path | None) -> openvino.CompiledModel:
    core = openvino.Core()
    if folder is None:
        return _compile(core, path, config)
    cache = CompiledCache(folder)
    weights = path.with_suffix(".bin")
    files = [path, weights] if path.suffix == ".xml" and weights.exists() else [path]
    machine = core.get_property("CPU", "FULL_DEVICE_NAME"), core.get_property("CPU", _CAPABLE)
    key = key_of(files, __version__, openvino.__version__, repr(machine), repr(config))
    blob = cache.find(key)
    if blob is not None:
        with contextlib.suppress(RuntimeError):  # not what OpenVINO wrote: compiled anew
            return core.import_model(blob, "CPU", config)
    compiled = _compile(core, path, config)
    cache.store(key, compiled.export_model().getvalue())
    return compiled


def _compile(core: openvino.Core, path: Path, config: dict[str, object]) -> openvino.CompiledModel:
    model = core.read_model(str(path))
    shape = model.input("image").partial_shape
    if shape[1].is_static and shape[2].is_static:
        shape[0] = 1
        model.reshape({"image": shape})
    return core.compile_model(model, "CPU", config)
