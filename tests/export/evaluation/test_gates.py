import math

import numpy as np
import pytest

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate, gate_for, parity_tolerance, shortcomings
from export.evaluation.tally import Tally


def _gate(precision: str = "float16", trained: bool = True, **own: float):
    bounds = {"changed_labels": None, "miou_loss": None} | own
    return gate_for(precision, trained=trained, **bounds)


def test_the_gates_are_those_of_the_help_text() -> None:
    half = _gate()
    assert (half.logit_error, half.changed_labels, half.miou_loss) == (3e-2, 1e-3, 0.1)
    assert _gate("float32").logit_error == 1e-4
    assert _gate("int8").miou_loss == 0.5
    assert _gate(trained=False).changed_labels == 5e-3
    own = _gate(changed_labels=0.2, miou_loss=3.0)
    assert (own.changed_labels, own.miou_loss, own.logit_error) == (0.2, 3.0, 3e-2)


def test_a_graph_is_built_within_its_gate_and_int8_only_if_it_is_not_wrong() -> None:
    assert parity_tolerance("float32") == _gate("float32").logit_error == 1e-4
    assert parity_tolerance("float16") == _gate("float16").logit_error == 3e-2
    assert _gate("int8").logit_error is None
    assert parity_tolerance("int8") == 0.5


def test_each_bound_is_judged_and_holds_at_its_edge() -> None:
    gate = _gate()
    edge = {"logit_error": 3e-2, "changed_labels": 1e-3, "miou_loss": 0.1}
    assert shortcomings(gate, Figures(**edge)) == []
    for name, word in (
        ("logit_error", "logits"),
        ("changed_labels", "label"),
        ("miou_loss", "mIoU"),
    ):
        (reason,) = shortcomings(gate, Figures(**edge | {name: edge[name] * 1.01}))
        assert word in reason
    for better in ({"miou_loss": -5.0}, {"miou_loss": None}, {"logit_error": None}):
        assert shortcomings(gate, Figures(**edge | better)) == []
    infinite = Figures(**edge | {"logit_error": math.inf})
    assert shortcomings(gate, infinite) == ["a logit is not finite"]
    # Even where the size of an error is not judged.
    assert shortcomings(_gate("int8"), infinite) == ["a logit is not finite"]


@pytest.mark.parametrize("name", ["logit_error", "changed_labels", "miou_loss"])
def test_what_is_not_a_number_passes_no_gate(name: str) -> None:
    edge = {"logit_error": 3e-2, "changed_labels": 1e-3, "miou_loss": 0.1}
    assert len(shortcomings(_gate(), Figures(**edge | {name: math.nan}))) == 1


@pytest.mark.parametrize(
    ("changed_labels", "miou_loss", "holds"),
    [
        (0.03, 0.5, True),
        (0.031, 0.1, False),
        (0.01, 0.51, False),
        (0.01, -2.0, True),
        (0.01, None, True),
        (0.04, None, False),
        (0.01, math.nan, False),
    ],
)
def test_the_gate_of_int8(changed_labels: float, miou_loss: float | None, *, holds: bool) -> None:
    """By its labels alone: its logits are not measured where it is built."""
    figures = Figures(None, changed_labels, miou_loss=miou_loss)
    assert (not shortcomings(_gate("int8"), figures)) is holds


def test_a_gate_may_leave_a_figure_alone() -> None:
    assert not shortcomings(Gate(None, None, None), Figures(99.0, 1.0, miou_loss=99.0))


def test_a_gate_in_words() -> None:
    assert str(Gate(None, 0.03, 0.5)) == "3.00% of the labels and 0.50 points of mIoU"


def test_a_tally_pools_over_pictures() -> None:
    tally = Tally(2, labelled=True)
    truth = np.array([[0, 0, 1, 255]], np.uint8)
    expected = np.array([[[[1.0, -4.0]]]], np.float32)
    for found, error in (([[0, 0, 1, 1]], 0.5), ([[0, 1, 1, 1]], -1.0)):
        labels = np.array(found, np.uint8)
        tally.add_labels(truth, labels)
        tally.add_logits(expected, expected + error)
        tally.add_changed(labels != np.array([[0, 0, 1, 1]]))
    assert tally.logit_error == pytest.approx(0.25)
    assert tally.changed_labels == pytest.approx(1 / 8)
    assert tally.iou(("a", "b")) == {"a": pytest.approx(3 / 4), "b": pytest.approx(2 / 3)}
    assert tally.miou == pytest.approx((3 / 4 + 2 / 3) / 2)


def test_one_logit_that_is_not_finite_is_not_forgotten() -> None:
    tally = Tally(2, labelled=False)
    fine = np.ones((1, 2, 1, 1), np.float32)
    for value in (np.nan, 0.0):
        tally.add_logits(fine, fine + np.float32(value))
    assert tally.logit_error == math.inf
    assert tally.miou is None
    assert tally.iou(("a", "b")) == {}
