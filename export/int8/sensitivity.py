"""Which layer groups cost accuracy in INT8: measured one by one, the worst kept in float."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import onnx
from numpy.typing import NDArray

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate
from export.evaluation.int8_judge import Judge, good_enough
from export.evaluation.report import Attempt, Int8Report, LayerGroup
from export.int8.calibration import CalibrationImages
from export.int8.layer_groups import computed_nodes, nodes_by_layer_group
from ocrnet.errors import ArtefactError
from ocrnet.zoo import ModelSpec

if TYPE_CHECKING:
    from ocrnet.without_telemetry import openvino

Model = TypeVar("Model", "openvino.Model", onnx.ModelProto)
Quantise = Callable[[onnx.ModelProto, Sequence[NDArray[np.uint8]], Collection[str]], Model]

# Known before anything is measured, and next to no work in any graph.
BY_DEFAULT = {
    "normalisation": "the mean is subtracted exactly, and TensorRT takes only a cast on uint8",
    "spatial gather": "a softmax over all positions: most weights are below a step of 1/255",
    "coarse branches": "enlarged and added in float: what 8 bits save is less than rounding costs",
    "attention": "products of as many channels as there are classes: too few to be faster",
}

# Its matrices are of the picture's size (transplant.py), and nobody would gain by 8 bits.
_NEVER = frozenset({"coarse branches"})

# Pictures that are enough to tell the groups apart; the graph itself has all of them.
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
    kept_in_float: Collection[str] = tuple(BY_DEFAULT),
    *,
    measure_all: bool = False,
) -> Quantised[Model]:
    """Quantise all groups but those `kept_in_float`, and keep more of them until the gate holds.

    quantise: `to_openvino` or `to_qdq`. If the gate fails, each group is quantised alone, and the
    one that changes most labels then is kept in float first. measure_all: measure them in any case.

    Raises ArtefactError with what was measured if no choice of groups is good enough.
    """
    groups = nodes_by_layer_group(computed_nodes(graph))
    why = {group: BY_DEFAULT.get(group, "asked for") for group in groups if group in kept_in_float}
    judge = Judge(graph, spec, pictures.held_out, labelled=pictures.labelled)

    def attempt(kept: Collection[str], most: int | None = None) -> tuple[Model, Figures]:
        model = quantise(graph, pictures.calibration[:most], sorted(kept))
        return model, judge.figures(model)

    model, figures = attempt(why)
    attempts = [Attempt(sorted(why), figures)]
    alone: dict[str, float] = {}
    if measure_all or not good_enough(figures, gate):
        for group in (group for group in groups if group not in _NEVER):
            alone[group] = attempt(groups.keys() - {group}, _TO_MEASURE)[1].changed_labels
    while not good_enough(figures, gate):
        left = [group for group in groups if group not in why]
        if len(left) < 2:
            raise ArtefactError(_failure(gate, attempts[0].figures, alone))
        worst = max(left, key=lambda group: alone[group])
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
        groups=[LayerGroup(one, one in why, why.get(one, ""), alone.get(one)) for one in groups],
    )
    return Quantised(model, report)


def _failure(gate: Gate, first: Figures, alone: dict[str, float]) -> str:
    loss = "" if first.miou_loss is None else f" and costs {first.miou_loss:.2f} points of mIoU"
    worst = sorted(alone, key=lambda group: alone[group], reverse=True)[:5]
    measured = ", ".join(f"{group} {alone[group]:.2%}" for group in worst)
    return (
        f"INT8 changes {first.changed_labels:.2%} of the labels{loss}; allowed are {gate}, and no "
        f"choice of floating parts gets there (alone: {measured}). Calibrate with more pictures, "
        "like those to be served, or use float16"
    )
