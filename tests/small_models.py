"""Models of the zoo with small fixed sizes, and a small network, where neither matters to a test.

A graph of 64x96 has the nodes of one of 512x1024, and takes a fraction of the time to trace and to
compare; one of a network with a single block a branch has half as many.
"""

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from export.network.hrnet import HRNetSizes
from export.network.ocrnet import _HRNETS
from ocrnet.zoo import ModelSpec, Size, get_spec

WINDOW, WHOLE = Size(64, 96), Size(128, 192)
_ONE_BLOCK = HRNetSizes(width=18, stem_blocks=1, branch_blocks=1, stage_modules=(1, 1, 1))


class SmallSpec(ModelSpec):
    """A model whose whole images, if it has a size for them, are small too."""

    @property
    def whole(self) -> Size | None:
        return WHOLE if super().whole else None


def small_spec(name: str) -> SmallSpec:
    """Return a model of the zoo with windows of `WINDOW` and whole images of `WHOLE`."""
    spec = get_spec(name)
    facts = {field.name: getattr(spec, field.name) for field in dataclasses.fields(spec)}
    return SmallSpec(**facts | {"crop": WINDOW})


@contextmanager
def one_block_a_branch() -> Iterator[None]:
    """Let the backbone `hr18s` have one block a branch: no checkpoint but its own fits it then."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(_HRNETS, "hr18s", _ONE_BLOCK)
        yield
