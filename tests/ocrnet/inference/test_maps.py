"""What a writer asks of its source of logits."""

import numpy as np

from ocrnet.inference.argmax import LabelMap
from ocrnet.inference.interpolation import Floats
from ocrnet.inference.logits import NetworkLogits
from ocrnet.inference.maps import MapWriter, Want
from ocrnet.timings import Timings
from ocrnet.zoo import Size

LOGITS = np.random.default_rng(3).normal(size=(5, 20, 30)).astype(np.float32)


class _Source:
    """Of no class that the product knows; it notes how it was read."""

    def __init__(self, *, knows_labels: bool):
        self.size = Size(*LOGITS.shape[1:])
        self.finished = 0
        self.read: list[tuple[str, int, int]] = []
        self.released: list[int] = []
        self._knows_labels = knows_labels

    def rows(self, top: int, bottom: int) -> Floats:
        self.read.append(("rows", top, bottom))
        return LOGITS[:, top:bottom]

    def labels(self, top: int, bottom: int) -> LabelMap | None:
        if not self._knows_labels:
            return None
        self.read.append(("labels", top, bottom))
        return LOGITS[:, top:bottom].argmax(0).astype(np.uint8)

    def release(self, row: int) -> None:
        self.released.append(row)


def _written(source: _Source, *wants: Want) -> MapWriter:
    """Advanced twice with nothing new in between."""
    writer = MapWriter(
        source, 5, 4, frozenset(wants), Timings(), probabilities=False, align_corners=False
    )
    for finished in (0, 8, 8, 20):
        source.finished = finished
        writer.advance()
    np.testing.assert_array_equal(writer.labels, LOGITS.argmax(0))
    assert source.released == [8, 20]
    return writer


def test_any_source_that_knows_labels_is_asked_for_them_alone() -> None:
    source = _Source(knows_labels=True)
    _written(source)
    assert source.read == [("labels", 0, 8), ("labels", 8, 20)]


def test_of_a_source_that_does_not_the_rows_are_read() -> None:
    source = _Source(knows_labels=False)
    _written(source)
    assert source.read == [("rows", 0, 8), ("rows", 8, 20)]


def test_what_needs_the_logits_reads_the_rows() -> None:
    for want in ("confidence", "logits"):
        source = _Source(knows_labels=True)
        _written(source, want)
        assert source.read == [("rows", 0, 8), ("rows", 8, 20)]


def test_the_network_s_own_logits_know_no_labels() -> None:
    assert NetworkLogits(LOGITS).labels(0, 20) is None
