"""Dataclasses → protobuf's text format."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

_INDENT = "  "


def render(message: Any) -> str:
    """Return a dataclass as text: its field names are the schema's, empty fields are left out.

    Text is quoted, members of an enumeration are not; tuples are repeated fields, dicts are maps.
    """
    return "".join(f"{line}\n" for line in _message(message))


def _message(message: Any) -> Iterator[str]:
    for field in fields(message):
        value = getattr(message, field.name)
        if isinstance(value, dict):
            for key, entry in value.items():
                yield from _block(field.name, [*_field("key", key), *_field("value", entry)])
        elif isinstance(value, tuple) and value and not is_dataclass(value[0]):
            yield f"{field.name}: [{', '.join(map(_scalar, value))}]"
        else:
            for entry in value if isinstance(value, tuple) else (value,):
                yield from _field(field.name, entry)


def _field(name: str, value: Any) -> Iterator[str]:
    if value is None:
        return
    if is_dataclass(value):
        yield from _block(name, list(_message(value)))
    else:
        yield f"{name}: {_scalar(value)}"


def _block(name: str, lines: list[str]) -> Iterator[str]:
    yield f"{name} {{"
    for line in lines:
        yield _INDENT + line
    yield "}"


def _scalar(value: object) -> str:
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value)  # the text format reads JSON's escapes
    return str(value)
