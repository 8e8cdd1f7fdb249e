from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import miou
from ocrnet.images import RgbImage

Labels = NDArray[np.uint8]


class FunctionLabeller:
    """Labels by a function; the picture after `most` of them is interrupted."""

    def __init__(self, function: Callable[[RgbImage], Labels], most: int | None = None):
        self.facts: dict[str, Any] = {"labeller": "of the test"}
        self.function = function
        self.most = most
        self.labelled = 0
        self.closed = False

    def label(self, image: RgbImage) -> Labels:
        if self.labelled == self.most:
            raise KeyboardInterrupt
        self.labelled += 1
        return self.function(image)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def label_by(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FunctionLabeller]:
    """Let a function label in the place of what `--via` says."""

    def label_by(
        function: Callable[[RgbImage], Labels], most: int | None = None
    ) -> FunctionLabeller:
        labeller = FunctionLabeller(function, most)
        monkeypatch.setattr(miou, "open_labeller", lambda asked: labeller)
        return labeller

    return label_by


@pytest.fixture
def label_in_order(label_by: Callable[..., FunctionLabeller]) -> Callable[..., FunctionLabeller]:
    """Answer with these label maps, one after another."""

    def label_in_order(predictions: Iterable[Labels]) -> FunctionLabeller:
        upcoming = iter(predictions)
        return label_by(lambda image: next(upcoming))

    return label_in_order


@pytest.fixture(scope="session")
def by_colour() -> Callable[[RgbImage], Labels]:
    """Label each pixel by its red value alone, with the classes of Cityscapes."""
    return lambda image: image[..., 0] % 19


@pytest.fixture(scope="session")
def masks_of_files() -> Callable[..., dict[str, Any]]:
    """Count what files hold, class by class, with one mask for each: nothing of ours takes part."""

    def count(files: list[Labels], predictions: list[Labels], values: list[int]) -> dict[str, Any]:
        """values: of the classes in the files; what is none of them is ignored."""
        iou, acc, all_hits, all_true = [], [], 0.0, 0.0
        for index, value in enumerate(values):
            hits = union = true = 0.0
            for stored, found in zip(files, predictions, strict=True):
                is_found = (found == index) & np.isin(stored, values)
                hits += float(((stored == value) & is_found).sum())
                union += float(((stored == value) | is_found).sum())
                true += float((stored == value).sum())
            iou.append(hits / union if union else None)
            acc.append(hits / true if true else None)
            all_hits, all_true = all_hits + hits, all_true + true
        there = [[v for v in of_kind if v is not None] for of_kind in (iou, acc)]
        miou, macc = (sum(of_kind) / len(of_kind) for of_kind in there)
        means = {"miou": miou, "macc": macc, "aacc": all_hits / all_true}
        return {"iou": iou, "acc": acc, **means}

    return count
