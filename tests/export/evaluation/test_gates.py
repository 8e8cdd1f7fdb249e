import numpy as np
import pytest

from export.evaluation.gates import gate_for, shortcomings
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


def test_each_bound_is_judged_and_holds_at_its_edge() -> None:
    gate = _gate()
    edge = {"logit_error": 3e-2, "changed_labels": 1e-3, "miou_loss": 0.1}
    assert shortcomings(gate, **edge) == []
    for name, word in (
        ("logit_error", "logits"),
        ("changed_labels", "label"),
        ("miou_loss", "mIoU"),
    ):
        (reason,) = shortcomings(gate, **edge | {name: edge[name] * 1.01})
        assert word in reason
    assert shortcomings(gate, **edge | {"miou_loss": -5.0}) == []
    assert shortcomings(gate, **edge | {"miou_loss": None}) == []
    assert shortcomings(gate, **edge | {"logit_error": None}) == ["a logit is not finite"]


@pytest.mark.parametrize("name", ["logit_error", "changed_labels", "miou_loss"])
def test_what_is_not_a_number_passes_no_gate(name: str) -> None:
    edge = {"logit_error": 3e-2, "changed_labels": 1e-3, "miou_loss": 0.1}
    assert len(shortcomings(_gate(), **edge | {name: float("nan")})) == 1


def test_a_tally_pools_over_pictures() -> None:
    tally = Tally(2, labelled=True)
    truth = np.array([[0, 0, 1, 255]], np.uint8)
    expected = np.array([[[[1.0, -4.0]]]], np.float32)
    for found, error in (([[0, 0, 1, 1]], 0.5), ([[0, 1, 1, 1]], -1.0)):
        labels = np.array(found, np.uint8)
        tally.add_labels(truth, labels)
        tally.add_difference(expected, expected + error, labels != np.array([[0, 0, 1, 1]]))
    assert tally.logit_error == pytest.approx(0.25)
    assert tally.changed_labels == pytest.approx(1 / 8)
    assert tally.iou(("a", "b")) == {"a": pytest.approx(3 / 4), "b": pytest.approx(2 / 3)}
    assert tally.miou == pytest.approx((3 / 4 + 2 / 3) / 2)


def test_one_logit_that_is_not_finite_is_not_forgotten() -> None:
    tally = Tally(2, labelled=False)
    fine = np.ones((1, 2, 1, 1), np.float32)
    for value in (np.nan, 0.0):
        tally.add_difference(fine, fine + np.float32(value), np.zeros((4, 4), bool))
    assert tally.logit_error is None
    assert tally.miou is None
    assert tally.iou(("a", "b")) == {}
