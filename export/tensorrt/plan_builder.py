"""From an ONNX graph whose types stand in it to a TensorRT plan.

Strongly typed, so that TensorRT 10 and 11 build the same: the flags that let it choose a precision
are gone in 11. Every name used here is there in 10, 11 and RTX (tests/export/tensorrt).
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

from export.tensorrt.api import make_logger
from export.tensorrt.profiles import ShapeRange
from export.tensorrt.progress import progress_monitor
from ocrnet.errors import ArtefactError


@dataclass(frozen=True)
class BuildOptions:
    """How long and with how much memory TensorRT may look for the fastest kernels.

    level: 0 (quick) to 5 (tries everything). workspace: MiB of scratch memory on the GPU, 0: all.
    timing_cache: kept between builds on one GPU and version; None: none. tf32: whether products in
    float32 may round to TF32, TensorRT's own default, with which logits are off by 1e-3.
    """

    level: int = 3
    workspace: int = 0
    timing_cache: Path | None = None
    tf32: bool = False


@dataclass(frozen=True)
class Plan:
    """A built plan: its bytes, how many layers the parsed network had, seconds it took."""

    data: bytes
    layers: int
    parse_seconds: float
    build_seconds: float


def build_plan(
    trt: ModuleType, model: onnx.ModelProto, shapes: ShapeRange, options: BuildOptions
) -> Plan:
    """Parse and build; raises ArtefactError with TensorRT's own words."""
    logger = make_logger(trt)
    try:
        builder = trt.Builder(logger)
    except TypeError as error:
        # pybind11's way to say that the factory returned nothing: no driver.
        raise _failed("TensorRT cannot start", logger) from error
    started = time.monotonic()
    network = builder.create_network(_typed(trt))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(model.SerializeToString()):
        raise ArtefactError(f"TensorRT cannot parse the graph: {_complaints(parser)}")
    parsed = time.monotonic()
    config = _config(trt, builder, options)
    config.builder_optimization_level = options.level
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.progress_monitor = progress_monitor(trt)
    if options.workspace:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace << 20)
    if not shapes.fixed:
        profile = builder.create_optimization_profile()
        profile.set_shape("image", shapes.min, shapes.opt, shapes.max)
        config.add_optimization_profile(profile)
    store = _timing_cache(trt, config, options.timing_cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise _failed("TensorRT cannot build the plan", logger)
    store()
    return Plan(bytes(plan), network.num_layers, parsed - started, time.monotonic() - parsed)


def _config(trt: ModuleType, builder: Any, options: BuildOptions) -> Any:
    """The builder's configuration, in float32 where the graph says so."""
    config = builder.create_builder_config()
    if not options.tf32:  # which is switched on otherwise
        config.clear_flag(trt.BuilderFlag.TF32)
    return config


def _typed(trt: ModuleType) -> int:
    """The flags of a strongly typed network; always so, and no flag for it, in later versions."""
    flags = trt.NetworkDefinitionCreationFlag
    return 1 << int(flags.STRONGLY_TYPED) if hasattr(flags, "STRONGLY_TYPED") else 0


def _timing_cache(trt: ModuleType, config: Any, path: Path | None) -> Callable[[], None]:
    """Load the timing cache into `config`; return what writes it after the build."""
    if path is None or trt.__name__ == "tensorrt_rtx":  # it times nothing
        return lambda: None
    cache = config.create_timing_cache(path.read_bytes() if path.exists() else b"")
    config.set_timing_cache(cache, ignore_mismatch=False)

    def store() -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(config.get_timing_cache().serialize()))

    return store


def _complaints(parser: Any) -> str:
    errors = [parser.get_error(number) for number in range(parser.num_errors)]
    return "; ".join(
        f"node {error.node_name() or error.node()}: {error.desc()}" for error in errors
    )


def _failed(what: str, logger: Any) -> ArtefactError:
    said = "; ".join(getattr(logger, "errors", [])) or "it does not say why"
    return ArtefactError(f"{what}: {said}")
