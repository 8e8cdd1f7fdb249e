"""What falls back, and why: with a stand-in for NNCF that damages known parts of a toy graph."""

import json
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from export.evaluation.gates import Gate
from export.int8.calibration import CalibrationImages
from export.int8.layer_groups import LAYER_GROUPS, OF_REWRITTEN
from export.int8.sensitivity import Quantised, quantise_within
from ocrnet.errors import ArtefactError
from ocrnet.zoo import get_spec

Scaled = Callable[[onnx.ModelProto, str, object], onnx.ModelProto]
Quantise = Callable[..., Quantised[onnx.ModelProto]]

PLAIN = tuple(part for part in LAYER_GROUPS if part not in OF_REWRITTEN)
# Negative logits: all labels change. Half of one channel: some do.
ALL, SOME = -1.0, [[[1.0]], [[0.5]], [[1.0]]]


class Damage:
    """Scales the weights of parts unless they float; keeps what it was asked for."""

    def __init__(self, scaled: Scaled, factors: dict[str, object]):
        self.scaled = scaled
        self.factors = factors
        self.asked: list[list[str]] = []

    def __call__(
        self,
        model: onnx.ModelProto,
        pictures: Sequence[NDArray[np.uint8]],
        kept_in_float: Collection[str],
    ) -> onnx.ModelProto:
        assert [picture.shape for picture in pictures] == [(1, 128, 256, 3)] * 4
        self.asked.append(list(kept_in_float))
        for part, factor in self.factors.items():
            if part not in kept_in_float:
                model = self.scaled(model, part, factor)
        return model


@pytest.fixture
def quantise(toy: onnx.ModelProto, pictures: CalibrationImages) -> Quantise:
    def quantise(damage: Damage, most: float, **options: object) -> Quantised[onnx.ModelProto]:
        gate = Gate(logit_error=None, changed_labels=most, miou_loss=None)
        return quantise_within(toy, get_spec("demo"), damage, pictures, gate, **options)

    return quantise


def test_what_is_good_enough_is_not_measured(
    quantise: Quantise, scaled: Scaled, toy: onnx.ModelProto
) -> None:
    damage = Damage(scaled, {})
    made = quantise(damage, 0.02)
    assert damage.asked == [["normalisation", "spatial gather"]]
    assert made.model == toy
    report = made.report
    assert report.kept_in_float == ["normalisation", "spatial gather"]
    assert report.figures.changed_labels < 1e-4
    assert not report.measured
    kept = {group.name for group in report.groups if group.kept_in_float}
    assert kept == set(report.kept_in_float)
    assert all(bool(group.why) == group.kept_in_float for group in report.groups)


def test_the_part_that_costs_most_falls_back_and_no_more(
    quantise: Quantise, scaled: Scaled, tmp_path: Path
) -> None:
    damage = Damage(scaled, {"stage 2": SOME, "fusion": ALL})
    report = quantise(damage, 0.5).report
    assert report.kept_in_float == ["fusion", "normalisation", "spatial gather"]
    assert len(damage.asked) == 1 + len(PLAIN) + 1
    before, after = report.attempts
    assert before.figures.changed_labels > 0.5 >= after.figures.changed_labels > 0
    shares = {group.name: group.changed_labels or 0.0 for group in report.groups}
    assert [name for name, share in shares.items() if share > 1e-4] == ["stage 2", "fusion"]
    assert shares["stage 2"] == after.figures.changed_labels < 0.5 < shares["fusion"]
    (why,) = [group.why for group in report.groups if group.name == "fusion"]
    assert why == f"measured: changes {shares['fusion']:.2%} of the labels when it alone is INT8"

    report.write_json(tmp_path / "report.json")
    written = json.loads((tmp_path / "report.json").read_text())
    assert [part["name"] for part in written["parts"]] == list(PLAIN)
    assert written["pictures"] == "drawn scenes 500000 to 500003"
    assert (written["calibrated"], written["held_out"]) == (4, 1)
    assert written["gate"] == {"changed_labels": 0.5, "miou_loss": None}


def test_parts_fall_back_one_after_the_other_the_worst_first(
    quantise: Quantise, scaled: Scaled
) -> None:
    damage = Damage(scaled, {"stage 2": SOME, "fusion": ALL})
    made = quantise(damage, 0.001, kept_in_float=())
    assert [attempt.kept_in_float for attempt in made.report.attempts] == [
        [],
        ["fusion"],
        ["fusion", "stage 2"],
    ]


def test_all_is_measured_if_asked_for(quantise: Quantise, scaled: Scaled) -> None:
    report = quantise(Damage(scaled, {"stage 2": SOME}), 0.9, measure_all=True).report
    assert report.measured
    assert len(report.attempts) == 1
    costly = [group.name for group in report.groups if (group.changed_labels or 0) > 1e-4]
    assert costly == ["stage 2"]


def test_a_graph_that_no_choice_mends_is_refused_with_what_was_measured(
    quantise: Quantise, scaled: Scaled
) -> None:
    class Hopeless(Damage):
        def __call__(
            self,
            model: onnx.ModelProto,
            pictures: Sequence[NDArray[np.uint8]],
            kept_in_float: Collection[str],
        ) -> onnx.ModelProto:
            return super().__call__(model, pictures, [])

    with pytest.raises(ArtefactError, match=r"allowed are 2\.00% of the labels, ") as info:
        quantise(Hopeless(scaled, {"stem": ALL}), 0.02)
    assert "(alone: normalisation " in str(info.value)
    assert "Calibrate with more pictures" in str(info.value)
