"""From an ONNX graph whose types stand in it to a TensorRT plan.

Strongly typed, so that TensorRT 10 and 11 build the same: the flags that let it choose a precision
are gone in 11. Every name used here is there in 10, 11 and RTX (tests/export/tensorrt).
"""

import time
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx

from export.tensorrt.api import make_logger
from export.tensorrt.profiles import ShapeRange
from export.tensorrt.progress import progress_monitor
from export.tensorrt.timing_cache import TimingCacheFile
from ocrnet.artefacts import Tiling
from ocrnet.errors import ArtefactError


@dataclass(frozen=True)
class BuildOptions:
    """How long and with how much memory TensorRT may look for the fastest kernels.

    level: 0 (quick) to 5 (tries everything). workspace: MiB of scratch memory on the GPU, 0: all.
    timing_cache: kept between builds on one GPU and version; None: none. tiling: how far to look
    for kernels that hand tiles on in the L2 cache. l2_limit: MiB of that cache to count on, 0: what
    TensorRT takes. aux_streams: CUDA streams beside the main one at the most; None: TensorRT's own
    choice. tf32: whether products in float32 may round to TF32, TensorRT's own default, with which
    logits are off by 1e-3.
    """

    level: int = 3
    workspace: int = 0
    timing_cache: Path | None = None
    tiling: Tiling = "none"
    l2_limit: int = 0
    aux_streams: int | None = None
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
    config = builder.create_builder_config()
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.progress_monitor = progress_monitor(trt)
    try:
        _set_options(trt, config, options)
    except TypeError as error:  # pybind11's, for numbers past its integers
        raise ArtefactError(f"TensorRT does not take {options}: {error}") from error
    for shape in shapes.profiles:
        profile = builder.create_optimization_profile()
        profile.set_shape("image", shape.min, shape.opt, shape.max)
        config.add_optimization_profile(profile)
    timing_cache = TimingCacheFile(trt, config, options.timing_cache)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise _failed("TensorRT cannot build the plan", logger)
    timing_cache.store()
    return Plan(bytes(plan), network.num_layers, parsed - started, time.monotonic() - parsed)


def _set_options(trt: ModuleType, config: Any, options: BuildOptions) -> None:
    config.builder_optimization_level = options.level
    if not options.tf32:  # which is switched on otherwise
        config.clear_flag(trt.BuilderFlag.TF32)
    if options.workspace:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, options.workspace << 20)
    if options.aux_streams is not None:
        config.max_aux_streams = options.aux_streams
    if options.tiling == "none":
        return
    if hasattr(config, "tiling_optimization_level"):
        level = trt.TilingOptimizationLevel
        levels = {"fast": level.FAST, "moderate": level.MODERATE, "full": level.FULL}
        config.tiling_optimization_level = levels[options.tiling]
        if options.l2_limit:
            config.l2_limit_for_tiling = options.l2_limit << 20
    else:
        raise ArtefactError(
            f"TensorRT {trt.__version__} has no tiling: '--tiling {options.tiling}' needs 10.8 or "
            "newer, build with '--tiling none'"
        )


def _typed(trt: ModuleType) -> int:
    """The flags of a strongly typed network; always so, and no flag for it, in later versions."""
    flags = trt.NetworkDefinitionCreationFlag
    return 1 << int(flags.STRONGLY_TYPED) if hasattr(flags, "STRONGLY_TYPED") else 0


def _complaints(parser: Any) -> str:
    errors = [parser.get_error(number) for number in range(parser.num_errors)]
    return "; ".join(
        f"node {error.node_name() or error.node()}: {error.desc()}" for error in errors
    )


def _failed(what: str, logger: Any) -> ArtefactError:
    said = "; ".join(getattr(logger, "errors", [])) or "it does not say why"
    return ArtefactError(f"{what}: {said}")
