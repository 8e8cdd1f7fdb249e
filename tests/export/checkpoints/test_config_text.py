"""Config texts are data: read without running anything, whatever they hold."""

from contextlib import suppress

import pytest

from export.checkpoints.config_text import Unread, parse_config


def test_a_config_is_data() -> None:
    text = (
        "a = -1.5\nb = dict(x=(a, [True, None]), y=f(1), **a)\nc = {'k': 'v', 3: 4, 'b': b}\n"
        "d = open('/etc/passwd')\nb.x = 5\nimport os\ne, f = 1, 2\ng = h = 'two'\n"
    )
    found = parse_config(text)
    b = {"x": [-1.5, [True, None]], "y": found["b"]["y"]}
    assert isinstance(b["y"], Unread)
    assert found == {
        "a": -1.5,
        "b": b,
        "c": {"k": "v", "b": b},
        "g": "two",
        "h": "two",
    }


@pytest.mark.parametrize(
    "text",
    [
        "(" * 200_000,
        "-" * 200_000 + "1",
        "x = 1\n" * 40_000 + "x = f()",
        "[" * 90 + "]" * 90,
        "x = '\0'",
        "a" * 2**21,
    ],
)
def test_a_hostile_config_text_ends_quickly(text: str) -> None:
    with suppress(ValueError):
        assert parse_config(text) == {}
