"""Protobuf's wire format (https://protobuf.dev/programming-guides/encoding), field by field.

With it ONNX files are read without the onnx package, which the gateway does not need otherwise.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, EIGHT_BYTES, LENGTH, FOUR_BYTES = 0, 1, 2, 5  # wire types


class Field(NamedTuple):
    """A field of a message: its number, its value, and the field as it is encoded."""

    number: int
    value: int | memoryview
    encoded: memoryview


def read_fields(message: memoryview) -> Iterator[Field]:
    """Yield each field of one message; raises ValueError where the message is cut off."""
    at = 0
    while at < len(message):
        start = at
        key, at = _read_varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _read_varint(message, at)
            yield Field(number, value, message[start:at])
            continue
        if wire == LENGTH:
            length, at = _read_varint(message, at)
        elif wire in (EIGHT_BYTES, FOUR_BYTES):
            length = 8 if wire == EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire} at byte {at}")
        if at + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield Field(number, message[at : at + length], message[start : at + length])
        at += length


def write_length_field(number: int, value: bytes) -> bytes:
    """Encode a field that holds a message, a text or bytes."""
    return _write_varint(number << 3 | LENGTH) + _write_varint(len(value)) + value


def text_of(value: int | bytes | memoryview) -> str:
    """Return a text field's value; of a number, nothing."""
    return "" if isinstance(value, int) else bytes(value).decode("utf-8", "replace")


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(message):
            break
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number has no end")


def _write_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
