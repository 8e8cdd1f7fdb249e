"""What a request will take, against figures worked out by hand."""

import pytest

from ocrnet.cost import Cost, estimate
from ocrnet.formats import AnswerOptions
from ocrnet.images import ImageHeader
from ocrnet.inference.options import SegmentOptions
from ocrnet.pipeline import make_job
from ocrnet.zoo import Size, get_spec

FILE = b"a file of 20 bytes.."
WHOLE = SegmentOptions("whole")


def _cost(
    size: Size,
    options: SegmentOptions = WHOLE,
    answer: AnswerOptions | None = None,
    *,
    model: str = "demo",
    decode_bytes: int = 0,
) -> Cost:
    header = ImageHeader("PNG", size, 1, decode_bytes, FILE)
    return estimate(make_job(header, get_spec(model), options, answer or AnswerOptions()))


def test_one_window() -> None:
    """Of 100x200 pixels, 25x50 cells at output stride 4, 19 classes."""
    cost = _cost(Size(100, 200))
    assert (cost.windows, cost.window_pixels) == (1, 20_000)
    assert cost.work == 19 * 20_000
    # The image, and 8 maps: labels, the PNG's rows, and 6 of the argmax of one window.
    assert cost.bytes == (3 + 8) * 20_000 + 4 * 19 * 25 * 50 + 20 == 315_020
    assert cost.as_dict() == {
        "windows": 1, "work": 380_000, "window_pixels": 20_000, "bytes": 315_020,
    }  # fmt: skip


def test_the_classes_and_the_output_stride_are_the_model_s() -> None:
    many = _cost(Size(100, 200), model="ocrnet_hr18s_ade20k_80k")
    assert many.work == 150 * 20_000
    assert many.bytes == 11 * 20_000 + 4 * 150 * 25 * 50 + 20 == 970_020
    coarse = _cost(Size(100, 200), model="ocrnet_r101-d8_cityscapes_40k_b8")
    assert coarse.bytes == 11 * 20_000 + 4 * 19 * 13 * 25 + 20 == 244_720


def test_decoding_may_take_more_than_all_that_follows() -> None:
    assert _cost(Size(100, 200), decode_bytes=315_019).bytes == 315_020
    assert _cost(Size(100, 200), decode_bytes=315_021).bytes == 315_021


def test_several_windows() -> None:
    """A column of 12: at rows 0, 80, … 800 and 872. Three wait at most, 12 are in the engine."""
    column = SegmentOptions("slide", crop=Size(128, 192), stride=Size(80, 128))
    cost = _cost(Size(1000, 192), column)
    assert (cost.windows, cost.window_pixels) == (12, 128 * 192)
    assert cost.work == 19 * 12 * 128 * 192 == 5_603_328
    image, window, cells = 1000 * 192, 128 * 192, 32 * 48
    # The image, labels and the PNG's rows; logits that wait and that arrive; windows cut out.
    assert cost.bytes == 5 * image + 4 * 19 * (3 + 12) * cells + 3 * 12 * window + 20 == 3_595_796


def test_no_more_than_16_windows_are_under_way() -> None:
    """20 in one row, side by side: all of them wait until the last has come."""
    row = SegmentOptions("slide", crop=Size(64, 64), stride=Size(64, 64))
    cost = _cost(Size(64, 1280), row)
    assert (cost.windows, cost.window_pixels) == (20, 4096)
    image, window, cells = 64 * 1280, 64 * 64, 16 * 16
    assert cost.bytes == 5 * image + 4 * 19 * (20 + 16) * cells + 3 * 16 * window + 20 == 1_306_644


def test_scales_and_mirror_images() -> None:
    """Of 128x192 and 64x96 pixels, each twice; all four are in the engine at once."""
    views = SegmentOptions("whole", scales=(1.0, 0.5), flip=True)
    cost = _cost(Size(128, 192), views, AnswerOptions("confidence"))
    large, small = 128 * 192, 64 * 96
    assert (cost.windows, cost.window_pixels) == (4, large)
    assert cost.work == 19 * 2 * (large + small) == 1_167_360
    # Both images; labels, confidence and its PNG of two maps; logits that wait, and that arrive as
    # if all were the largest; windows cut out, likewise.
    logits = 4 * 19 * (2 * (32 * 48 + 16 * 24) + 4 * 32 * 48)
    assert cost.bytes == 3 * (large + small) + 4 * large + logits + 3 * 4 * large + 20 == 1_244_180


def test_one_window_of_another_size_is_one_of_several() -> None:
    """Its labels are not read off its own cells: it is resized, and so are its logits."""
    cost = _cost(Size(128, 192), SegmentOptions("whole", scales=(0.5,)))
    large, small = 128 * 192, 64 * 96
    assert (cost.windows, cost.window_pixels) == (1, small)
    logits = 4 * 19 * (1 + 1) * 16 * 24
    assert cost.bytes == 3 * (large + small) + 2 * large + logits + 3 * small + 20 == 218_132


@pytest.mark.parametrize(
    ("answer", "maps", "more"),
    [
        (AnswerOptions("json"), 0, 0),
        (AnswerOptions("json", boxes=True), 10, 0),
        (AnswerOptions("overlay"), 7, 0),
        (AnswerOptions("npz"), 2, 0),
        (AnswerOptions("confidence"), 1 + 2, 0),
        # Logits on cells of 4x4 pixels, 19 classes: float32, float16, and float16 in the archive.
        (AnswerOptions("npz", content="logits"), 1 + 2, 8 * 19 * 20_000 // 16),
    ],
)
def test_what_the_answer_holds(answer: AnswerOptions, maps: int, more: int) -> None:
    """Besides the image, the labels, and 6 maps of one window's argmax."""
    cost = _cost(Size(100, 200), answer=answer)
    assert cost.bytes == (3 + 1 + 6 + maps) * 20_000 + 4 * 19 * 25 * 50 + more + 20
