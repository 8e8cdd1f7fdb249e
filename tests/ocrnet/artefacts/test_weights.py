"""Where weights come from, and that published figures stand beside published weights alone."""

import dataclasses

import pytest

from ocrnet.artefacts import UNKNOWN, Weights, common_weights, weights_of
from ocrnet.zoo import get_spec
from ocrnet.zoo.spec import Published

HR18S = get_spec("ocrnet_hr18s_cityscapes_40k")
AUTHORS = get_spec("ocrnet_hr48_cityscapes_authors")  # its file name has no digits
DEMO = get_spec("demo")
PUBLISHED_SHA256 = HR18S.checkpoint.digits + "0" * 56
DEMO_SHA256 = DEMO.checkpoint.digits + "0" * 56
OTHER_SHA256 = "f" * 64


@pytest.mark.parametrize(
    ("spec", "sha256", "recorded", "origin"),
    [
        (HR18S, PUBLISHED_SHA256, "", "published"),
        (HR18S, OTHER_SHA256, "published", "published"),  # stripped after it was named
        (HR18S, OTHER_SHA256, "own", "own"),
        (HR18S, OTHER_SHA256, "", "own"),
        (HR18S, "", "published", "random"),
        (HR18S, DEMO_SHA256, "demo", "own"),  # the demo's weights under another name
        (AUTHORS, OTHER_SHA256, "", "own"),
        (AUTHORS, OTHER_SHA256, "published", "published"),
        (DEMO, DEMO_SHA256, "", "demo"),
        (DEMO, OTHER_SHA256, "published", "own"),
        (DEMO, "", "", "random"),
    ],
)
def test_the_origin_follows_from_the_file(
    spec: object, sha256: str, recorded: str, origin: str
) -> None:
    weights = weights_of(spec, "x.pth", sha256, recorded)
    assert weights.origin == origin
    assert weights.figures(spec) == (spec.published if origin == "published" else Published())
    assert bool(weights.note) == (origin != "published")


def test_notes_say_what_masks_are_worth() -> None:
    assert weights_of(HR18S, "", "", "").note == "random weights: masks mean nothing"
    demo = weights_of(DEMO, "demo.safetensors", DEMO_SHA256, "")
    assert demo.note == "trained on synthetic streets; photographs will look wrong"
    own = weights_of(HR18S, "mine.pth", OTHER_SHA256, "")
    assert own.note == "weights of mine.pth, not known to be the published ones"
    assert UNKNOWN.note == "weights unknown"


def test_graphs_of_one_file_have_common_weights_whatever_it_was_called() -> None:
    first = weights_of(HR18S, "a.pth", OTHER_SHA256, "")
    second = weights_of(HR18S, "b.pth", OTHER_SHA256, "published")
    assert common_weights([first, second]) == second
    assert common_weights([first, dataclasses.replace(first, sha256="0" * 64)]) is None
    random = weights_of(HR18S, "", "", "")
    assert common_weights([random, random]) == random
    assert common_weights([random, first]) is None
    assert common_weights([UNKNOWN, random]) is None


def test_parameters_carry_all_that_is_known() -> None:
    for weights in (
        weights_of(HR18S, "a.pth", OTHER_SHA256, "published"),
        weights_of(HR18S, "", "", ""),
    ):
        stated = weights.as_parameters()
        assert set(stated) == {"checkpoint", "checkpoint_sha256", "weights"}
        again = weights_of(
            HR18S, stated["checkpoint"], stated["checkpoint_sha256"], stated["weights"]
        )
        assert again == weights
    assert UNKNOWN.as_parameters() == {}
    assert Weights("unknown", "x").as_parameters() == {}
