"""Build and verification judge a loss of mIoU by one definition."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export.evaluation.figures import Figures
from export.evaluation.gates import Gate, shortcomings
from export.evaluation.html_page import write_page
from export.evaluation.int8_judge import Judge
from export.evaluation.measure import Contestant, compare_all, figures_of, reference_of
from export.evaluation.report import KindReport, Reference, VerificationReport, Verified
from export.evaluation.tally import Tally
from export.evaluation.text_table import as_table
from ocrnet.artefacts import Artefact, Manifest
from ocrnet.datasets import Example
from ocrnet.datasets.miou import ConfusionMatrix
from ocrnet.zoo import get_spec

SPEC = get_spec("demo")
# Truth, what the float network says, what the INT8 graph says: rows of class indices.
SHAPE = (8, 16)
Maps = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]


def _network(channel: int) -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """One that finds the label of a pixel written in one of its colours."""

    def run(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        said = images[..., channel].astype(np.float32)[:, None]
        logits: NDArray[np.float32] = -(
            (said - np.arange(19, dtype=np.float32)[:, None, None]) ** 2
        )
        return logits

    return run


def _graph(channel: int) -> onnx.ModelProto:
    """The same as ONNX."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Gather", ["float", "channel"], ["said"], axis=3),
        helper.make_node("Transpose", ["said"], ["plane"], perm=[0, 3, 1, 2]),
        helper.make_node("Sub", ["plane", "classes"], ["off"]),
        helper.make_node("Mul", ["off", "off"], ["squared"]),
        helper.make_node("Neg", ["squared"], ["logits"]),
    ]
    graph = helper.make_graph(
        nodes,
        "said",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 19, "H", "W"])],
        [
            helper.make_tensor("channel", TensorProto.INT64, [1], [channel]),
            helper.make_tensor("classes", TensorProto.FLOAT, [1, 19, 1, 1], range(19)),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


class _Torch(torch.nn.Module):
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(_network(0)(images.numpy()))


@dataclass(frozen=True)
class _Judged:
    """What both say of the same label maps."""

    build: Figures
    build_miou: float | None
    figures: Figures
    reference: Reference

    @property
    def build_loss(self) -> float | None:
        return self.build.miou_loss


def _judge(maps: list[Maps]) -> _Judged:
    examples = []
    for number, (truth, expected, found) in enumerate(maps):
        image = np.stack([expected, found, np.zeros_like(found)], axis=-1)
        examples.append(Example(str(number), image, truth))
    judge = Judge(_graph(0), SPEC, examples, labelled=True)
    manifest = Manifest(
        "demo", "dynamic", "openvino", "int8", "model_int8.xml", {}, None, None,
        ["logits"], 19, "demo.safetensors", "0" * 64, {}, {},
    )  # fmt: skip
    contestant = Contestant(
        Artefact(Path("model_int8.xml"), manifest),
        lambda images: {"logits": _network(1)(images)},
        Tally(19, labelled=True),
    )
    reference = compare_all(_Torch(), SPEC, [contestant], examples, labelled=True)
    return _Judged(
        judge.figures(_graph(1)),
        judge.miou,
        figures_of(contestant, reference, SPEC),
        reference_of(reference, SPEC),
    )


def _maps(seed: int, wrong: float = 0.02) -> Maps:
    """Three classes; the float network is right, INT8 is wrong in a share of pixels."""
    dice = np.random.default_rng(seed)
    truth = np.repeat(np.array([0, 0, 0, 1, 1, 2, 2, 2], np.uint8)[:, None], SHAPE[1], axis=1)
    found = np.where(dice.random(SHAPE) < wrong, dice.integers(0, 3, SHAPE), truth)
    return truth, truth.copy(), found.astype(np.uint8)


def _stray(maps: Maps, of: int) -> Maps:
    """One pixel of a class that no label map holds, of the float network (1) or of INT8 (2)."""
    result = [one.copy() for one in maps]
    result[of][0, 0] = 18
    return result[0], result[1], result[2]


def _ignored(maps: Maps) -> Maps:
    """Half of the pixels ignored, in which both networks say what they like."""
    truth, expected, found = (one.copy() for one in maps)
    truth[:, ::2], expected[:, ::2], found[:, ::2] = 255, 17, 18
    return truth, expected, found


CASES = {
    "all classes present": [_maps(0, 0.2)],
    "a stray pixel of INT8": [_stray(_maps(1), 2), _maps(2)],
    "a stray pixel of the float network": [_stray(_maps(3), 1), _maps(4)],
    "a stray pixel of both": [_stray(_stray(_maps(5), 1), 2)],
    "ignored pixels": [_ignored(_maps(6, 0.1)), _maps(7)],
    "better than the float network": [(_maps(8)[0], _maps(8, 0.3)[2], _maps(8)[0])],
    "worth a thousandth of a point": [(*_maps(9)[:2], _maps(9)[0])] * 3 + [_stray(_maps(9), 2)],
}


@pytest.mark.parametrize("maps", CASES.values(), ids=CASES)
def test_both_find_the_same_loss_and_judge_alike(maps: list[Maps]) -> None:
    found = _judge(maps)
    loss = found.figures.miou_loss
    assert loss is not None
    assert found.build_loss == loss
    assert found.build_miou == found.reference.miou
    for most in (loss - 1e-4, loss, loss + 1e-4, 0.5):
        gate = Gate(None, None, most)
        passed = not shortcomings(gate, found.build)
        assert passed == (not shortcomings(gate, found.figures)) == (loss <= most)


def test_a_stray_pixel_passes_both_and_costs_the_shown_miou_whole_points() -> None:
    right = _maps(0, 0)
    found = _judge([right, _stray(right, 2), right])
    assert found.build_loss is not None
    assert 0 < found.build_loss < 0.5
    assert found.reference.miou == 1
    assert found.figures.miou == pytest.approx(3 / 4, abs=0.01)
    assert found.figures.worst_class is not None
    assert found.figures.worst_class[0] == "road"


@pytest.mark.parametrize("pixels", [200, 400, 1000, 2200])
def test_a_loss_of_just_what_is_allowed_is_allowed(pixels: int) -> None:
    """Half a point: in floats 0.5000000000000004."""
    truth = np.zeros((1, pixels), np.uint8)
    found = truth.copy()
    found[0, : pixels // 200] = 1
    reference, other = ConfusionMatrix(19), ConfusionMatrix(19)
    reference.add(truth, truth)
    other.add(truth, found)
    loss = other.miou_loss(reference)
    assert loss == 0.5
    gate = Gate(logit_error=None, changed_labels=None, miou_loss=0.5)
    assert not shortcomings(gate, Figures(0.0, 0.0, miou_loss=loss))
    (said,) = shortcomings(gate, Figures(0.0, 0.0, miou_loss=0.5001))
    assert "falls by 0.5001 points, allowed 0.5" in said


def test_without_a_labelled_pixel_there_is_no_loss() -> None:
    found = _judge([(np.full(SHAPE, 255, np.uint8), *_maps(0)[1:])])
    assert (found.build_loss, found.build_miou) == (None, None)
    assert (found.figures.miou_loss, found.figures.miou, found.reference.miou) == (None,) * 3
    assert found.figures.worst_class is None


def test_against_a_network_that_knows_nothing_there_is_no_loss() -> None:
    truth, _, found = _maps(0)
    judged = _judge([(truth, (truth + 1) % 3, found)])
    assert judged.build_loss is judged.figures.miou_loss is None
    assert judged.build_miou == judged.reference.miou == 0


def _shown(judged: _Judged, page: Path) -> tuple[str, str]:
    """As a table on a terminal and as a page."""
    entry = Verified(
        "model_int8.xml", "openvino", "int8", Gate(None, 0.5, 0.5), judged.figures, "pass", []
    )
    kind = KindReport("dynamic", None, judged.reference, [entry])
    report = VerificationReport(
        "demo", "demo.safetensors", "", "pictures", "today", "here", {}, [kind]
    )
    write_page(report, {}, SPEC, page)
    report.write_json(page.with_suffix(".json"))  # which no NaN may be in
    return as_table(report), page.read_text()


def test_a_reader_is_told_where_the_loss_is_not_the_difference_of_the_two_miou(
    tmp_path: Path,
) -> None:
    right = _maps(0, 0)
    # Of 96 pixels of road one is wrong: (1/96)/3 of the three classes that are there. Of four
    # classes one has no IoU left.
    table, page = _shown(_judge([right, _stray(right, 2)]), tmp_path / "page.html")
    said = "model_int8.xml: the loss of +0.35 points is of the classes in the labels; mIoU, which "
    said += "differs by +25.26, also counts what is predicted but in no label map: bicycle"
    assert f"note: {said}\n" in table
    assert f"Note: {said}.</li>" in page
    table, page = _shown(_judge([right, _maps(1)]), tmp_path / "page.html")
    assert "note:" not in table
    assert "Note:" not in page


def test_a_reader_is_told_why_a_loss_is_not_judged(tmp_path: Path) -> None:
    truth, expected, found = _maps(0)
    ignored = np.full(SHAPE, 255, np.uint8)
    for maps, said in (
        (
            (ignored, expected, found),
            "the loss of mIoU is not judged: no pixel of the label maps has a class",
        ),
        (
            (truth, (truth + 1) % 3, found),
            "the loss of mIoU is not judged: PyTorch itself has 0.00 for the classes in the labels",
        ),
    ):
        table, page = _shown(_judge([maps]), tmp_path / "page.html")
        assert f"note: {said}" in table
        assert f"Note: {said}" in page
        assert "nan" not in table
