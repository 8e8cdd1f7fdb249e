"""Which parts cost accuracy in INT8: measured one by one, the worst left floating."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate, shortcomings
from export.evaluation.int8_judge import Judge
from export.evaluation.report import Attempt, Int8Report, LayerGroup
from export.int8.calibration import CalibrationImages
from export.int8.layer_groups import computed_nodes, nodes_by_part
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

if TYPE_CHECKING:
    import openvino

Model = TypeVar("Model", "openvino.Model", onnx.ModelProto)
Quantise = Callable[[onnx.ModelProto, Sequence[NDArray[np.uint8]], Collection[str]], Model]

# Known before anything is measured, and next to no work in any graph.
BY_DEFAULT = {
    "normalisation": "the mean is subtracted exactly, and TensorRT takes only a cast on uint8",
    "spatial gather": "a softmax over all positions: most weights are below a step of 1/255",
    "coarse branches": "enlarged and added in float: what 8 bits save is less than rounding costs",
    "attention": "products of as many channels as there are classes: too few to be faster",
}

# Its matrices are of the picture's size (resized.py), and nobody would gain by 8 bits.
_NEVER = frozenset({"coarse branches"})

# Pictures that are enough to tell the parts apart; the graph itself has all of them.
_TO_MEASURE = 8


@dataclass(frozen=True)
class Quantised(Generic[Model]):
    """An INT8 graph that passed its gate, and how it came about."""

    model: Model
    report: Int8Report


def quantise_within(
    graph: onnx.ModelProto,
    spec: ModelSpec,
    quantise: Quantise[Model],
    pictures: CalibrationImages,
    gate: Gate,
    floating: Collection[str] = tuple(BY_DEFAULT),
    *,
    measure_all: bool = False,
) -> Quantised[Model]:
    """Quantise all but the parts `floating`, and leave more of them floating until the gate holds.

    quantise: `to_openvino` or `to_qdq`. If the gate fails, each part is quantised alone, and the
    one that changes most labels then is left floating first. measure_all: measure them in any case.

    Raises ArtefactError with what was measured if no choice of parts is good enough.
    """
    parts = nodes_by_part(computed_nodes(graph))
    why = {part: BY_DEFAULT.get(part, "asked for") for part in parts if part in floating}
    judge = Judge(graph, spec, pictures.held_out, labelled=pictures.labelled)

    def attempt(kept: Collection[str], most: int | None = None) -> tuple[Model, Figures]:
        model = quantise(graph, pictures.calibration[:most], sorted(kept))
        return model, judge.figures(model)

    model, figures = attempt(why)
    attempts = [Attempt(sorted(why), figures)]
    alone: dict[str, float] = {}
    if measure_all or shortcomings(gate, figures):
        for part in (part for part in parts if part not in _NEVER):
            alone[part] = attempt(parts.keys() - {part}, _TO_MEASURE)[1].changed_labels
    while shortcomings(gate, figures):
        left = [part for part in parts if part not in why]
        if len(left) < 2:
            raise ArtefactError(_failure(gate, attempts[0].figures, alone))
        worst = max(left, key=lambda part: alone[part])
        why[worst] = f"measured: changes {alone[worst]:.2%} of the labels when it alone is INT8"
        model, figures = attempt(why)
        attempts.append(Attempt(sorted(why), figures))
    report = Int8Report(
        pictures=pictures.origin,
        calibrated=len(pictures.calibration),
        held_out=len(pictures.held_out),
        miou=judge.miou,
        gate=gate,
        attempts=attempts,
        parts=[LayerGroup(part, part in why, why.get(part, ""), alone.get(part)) for part in parts],
    )
    return Quantised(model, report)


def _failure(gate: Gate, first: Figures, alone: dict[str, float]) -> str:
    loss = "" if first.miou_loss is None else f" and costs {first.miou_loss:.2f} points of mIoU"
    worst = sorted(alone, key=lambda part: alone[part], reverse=True)[:5]
    measured = ", ".join(f"{part} {alone[part]:.2%}" for part in worst)
    return (
        f"INT8 changes {first.changed_labels:.2%} of the labels{loss}; allowed are {gate}, and no "
        f"choice of floating parts gets there (alone: {measured}). Calibrate with more pictures, "
        "like those to be served, or use float16"
    )
