"""What applies to all artefacts of a run."""

from dataclasses import dataclass, field
from pathlib import Path

from export.int8.calibration import Calibration
from export.tensorrt.api import Gpu
from export.tensorrt.plan_builder import BuildOptions
from ocrnet.zoo import Size

_MAX_SIZE = Size(2048, 2048)


@dataclass(frozen=True)
class Int8Settings:
    """measure_layer_groups: measure what each group costs, even where none has to fall back."""

    calibration: Calibration = field(default_factory=Calibration)
    measure_layer_groups: bool = False


@dataclass(frozen=True)
class BuildSettings:
    """What applies to all artefacts of a run.

    max_batch: of fixed plans; max_size: of dynamic ones, in pixels. gpu: None where plans are not
    built for the one here. optimised: whether fixed graphs for CPUs are rewritten.
    """

    repository: Path
    plan: BuildOptions = field(default_factory=BuildOptions)
    max_batch: int = 8
    max_size: Size = _MAX_SIZE
    gpu: Gpu | None = None
    int8: Int8Settings = field(default_factory=Int8Settings)
    optimised: bool = True
