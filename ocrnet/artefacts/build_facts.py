"""What a manifest says of how its artefact was built, as JSON objects and as dataclasses.

Reading is lenient: a fact that is missing or of another type counts as not stated, and keys of
other versions are passed over. So an artefact with such a manifest still loads, and is built again
where the fact decides whether it is current.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Self, get_args

from ocrnet.artefacts.ports import Ports

Tiling = Literal["none", "fast", "moderate", "full"]
TILINGS: tuple[Tiling, ...] = get_args(Tiling)


@dataclass(frozen=True)
class PlanGpu:
    """The GPU that a plan was built on and for; texts are empty where they are not known."""

    name: str
    compute_capability: str
    driver: str

    @classmethod
    def from_json(cls, facts: Mapping[str, str]) -> Self | None:
        """None for an empty object: built without a GPU."""
        if not facts:
            return None
        return cls(*(facts.get(key, "") for key in ("name", "compute_capability", "driver")))

    def to_json(self) -> dict[str, str]:
        """What is known of it."""
        return {key: value for key, value in asdict(self).items() if value}


@dataclass(frozen=True)
class Profile:
    """The shapes (N, H, W, 3) that a plan takes, and the one it is fastest for."""

    min: list[int]
    opt: list[int]
    max: list[int]

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self | None:
        """None for an object without the three shapes, each of whole numbers."""
        shapes = [facts.get(key) for key in ("min", "opt", "max")]
        if not all(
            isinstance(shape, list) and all(isinstance(number, int) for number in shape)
            for shape in shapes
        ):
            return None
        return cls(*(list(shape or ()) for shape in shapes))

    def to_json(self) -> dict[str, list[int]]:
        """By `min`, `opt` and `max`."""
        return asdict(self)


@dataclass(frozen=True)
class Int8Facts:
    """How an INT8 graph was calibrated and judged.

    calibration: in words, the images that it was calibrated with. kept_in_float: the layer groups
    that are not quantised. changed_labels: share of labels that change on held-out images;
    miou_loss: mIoU lost there in points (1/100), as ConfusionMatrix.miou_loss; None: not judged.
    groups_measured: whether each layer group was measured alone.
    """

    calibration: str
    kept_in_float: list[str]
    changed_labels: float
    miou_loss: float | None
    groups_measured: bool

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self | None:
        """None for the facts of other precisions."""
        calibration, kept = facts.get("calibration"), facts.get("floating")
        changed, loss = facts.get("changed_labels"), facts.get("miou_loss")
        if not (
            isinstance(calibration, str)
            and isinstance(kept, list)
            and isinstance(changed, int | float)
            and isinstance(loss, int | float | None)
        ):
            return None
        return cls(calibration, kept, changed, loss, bool(facts.get("parts_measured")))

    def to_json(self) -> dict[str, object]:
        """The keys are those of manifests since they exist."""
        return {
            "calibration": self.calibration,
            "floating": self.kept_in_float,
            "changed_labels": self.changed_labels,
            "miou_loss": self.miou_loss,
            "parts_measured": self.groups_measured,
        }


@dataclass(frozen=True)
class PlanFacts:
    """How TensorRT built a plan.

    level: of optimisation, 0 to 5; workspace: MiB of scratch memory, 0: all. tiling: "none" or how
    far it went; l2_limit: MiB of the L2 cache for it, 0: what TensorRT takes. aux_streams: CUDA
    streams beside the main one, None: TensorRT's choice. profiles: how many; the first is for all
    shapes, a second for single images. layers: of the parsed network. parse_seconds, build_seconds:
    how long it took. tf32: whether its products in float32 may round to TF32.
    """

    level: int
    workspace: int
    tiling: Tiling
    l2_limit: int
    aux_streams: int | None
    profiles: int
    layers: int
    parse_seconds: float
    build_seconds: float
    tf32: bool

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self | None:
        """None for the facts of other formats, and of plans of earlier versions."""
        values = {key: facts.get(key) for key in cls.__dataclass_fields__}
        numbers = values.keys() - {"tiling", "aux_streams", "tf32"}
        if not (
            all(isinstance(values[key], int | float) for key in numbers)
            and values["tiling"] in TILINGS
            and isinstance(values["aux_streams"], int | None)
            and isinstance(values["tf32"], bool)
        ):
            return None
        return cls(**values)  # type: ignore[arg-type]

    def to_json(self) -> dict[str, object]:
        """By the names of the fields."""
        return asdict(self)


@dataclass(frozen=True)
class BuildFacts:
    """How an artefact was built.

    passes: that its graph was rewritten with. int8, plan: of those alone. ports: what a plan takes
    and gives; None in manifests of before it was recorded, and ONNX graphs declare it themselves.
    float16_weights: whether a float32 graph stores its weights as float16, from which the same
    float32 ones are computed.
    """

    passes: list[str] = field(default_factory=list)
    int8: Int8Facts | None = None
    plan: PlanFacts | None = None
    ports: Ports | None = None
    float16_weights: bool = False

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """From the one object that stands in manifests, with all of these facts."""
        passes, ports = facts.get("passes"), facts.get("ports")
        return cls(
            list(passes) if isinstance(passes, list) else [],
            Int8Facts.from_json(facts),
            PlanFacts.from_json(facts),
            Ports.from_json(ports) if isinstance(ports, dict) else None,
            facts.get("float16_weights") is True,
        )

    def to_json(self) -> dict[str, object]:
        """As `from_json` reads it; what was not part of the build has no keys."""
        facts: dict[str, object] = {}
        for part in (self.int8, self.plan):
            facts |= part.to_json() if part else {}
        if self.float16_weights:
            facts["float16_weights"] = True
        if self.passes:
            facts["passes"] = self.passes
        if self.ports:
            facts["ports"] = self.ports.to_json()
        return facts
