"""Lossless WebP data written bit by bit: every group of prefix codes that a test wants."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from corpus.webp import riff

PREDICTOR, COLOUR, SUBTRACT_GREEN = 0, 1, 2  # transforms
_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40


class Bits:
    """The least significant bit of each byte first."""

    def __init__(self) -> None:
        self._parts: list[str] = []

    def put(self, value: int, count: int) -> None:
        if count:
            self._parts.append(f"{value:0{count}b}"[::-1])

    def put_code(self, code: str) -> None:
        """A prefix code, its first bit first."""
        self._parts.append(code)

    def text(self) -> str:
        return "".join(self._parts)

    def done(self) -> bytes:
        text = self.text()
        text += "0" * (-len(text) % 8)
        return int(text[::-1] or "0", 2).to_bytes(len(text) // 8, "little")


def balanced(symbols: Sequence[int], alphabet: int) -> list[int]:
    """Lengths of a complete code of those symbols, as equal as they can be."""
    lengths = [0] * alphabet
    longest = max((len(symbols) - 1).bit_length(), 1)
    shorter = (1 << longest) - len(symbols)
    for place, symbol in enumerate(sorted(symbols)):
        lengths[symbol] = longest - (place < shorter) if len(symbols) > 1 else 1
    return lengths


def deep(alphabet: int) -> list[int]:
    """Lengths of a code whose lookup tables are nearly as large as they get: up to 15 bits."""
    start = 1
    while 1 << 15 - start > 2 * (alphabet - start):
        start += 1
    rest, space = alphabet - start, 1 << 15 - start
    assert rest <= space
    return [*range(1, start + 1), *[14] * (space - rest), *[15] * (2 * rest - space)]


def codes_of(lengths: Sequence[int]) -> dict[int, str]:
    """Canonical codes; the only one of a code with one symbol takes no bit."""
    used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    if len(used) == 1:
        return {used[0][1]: ""}
    codes, code, before = {}, 0, 0
    for length, symbol in used:
        code <<= length - before
        codes[symbol] = f"{code:0{length}b}"
        code, before = code + 1, length
    return codes


def put_lengths(bits: Bits, lengths: Sequence[int]) -> dict[int, str]:
    """Write a code as its lengths; return the codes."""
    tokens: list[tuple[int, int]] = []
    for length in lengths:  # 16 repeats the one before, 3 to 6 times
        if tokens and tokens[-1][0] == 16 and tokens[-1][1] < 3 and _last(tokens) == length:
            tokens[-1] = 16, tokens[-1][1] + 1
        elif [t[0] for t in tokens[-3:]] == [length] * 3 and length:
            tokens[-2:] = []
            tokens.append((16, 0))
        else:
            tokens.append((length, 0))
    shorter = balanced(sorted({token for token, _ in tokens}), 19)
    bits.put(0, 1)
    bits.put(15, 4)
    for symbol in _ORDER:
        bits.put(shorter[symbol], 3)
    bits.put(0, 1)
    codes = codes_of(shorter)
    for token, more in tokens:
        bits.put_code(codes[token])
        if token == 16:
            bits.put(more, 2)
    return codes_of(lengths)


def _last(tokens: Sequence[tuple[int, int]]) -> int:
    return next(token for token, _ in reversed(tokens) if token < 16)


def one_symbol(symbol: int) -> str:
    """The bits of a code of one symbol: 4, or 11."""
    return f"100{symbol}" if symbol < 2 else "101" + f"{symbol:08b}"[::-1]


def put_sub_image(bits: Bits, pixels: Sequence[int], cache_bits: int = 0) -> None:
    """Write ARGB values; runs of one value as copies of the pixel before."""
    _put_cache(bits, cache_bits)
    tokens: list[tuple[str, int]] = []
    for at, value in enumerate(pixels):
        if at and value == pixels[at - 1]:
            if tokens[-1][0] == "copy" and tokens[-1][1] < 4:
                tokens[-1] = "copy", tokens[-1][1] + 1
            else:
                tokens.append(("copy", 1))
        else:
            tokens.append(("literal", value))
    literals = [value for kind, value in tokens if kind == "literal"]
    lengths = [value for kind, value in tokens if kind == "copy"]
    green = {value >> 8 & 255 for value in literals} | {_LITERALS + n - 1 for n in lengths}
    alphabet = _LITERALS + _LENGTHS + (1 << cache_bits if cache_bits else 0)
    greens = put_lengths(bits, balanced(sorted(green), alphabet))
    others = [
        put_lengths(bits, balanced(sorted({value >> shift & 255 for value in literals}), _LITERALS))
        for shift in (16, 0, 24)
    ]
    # Distance code 2 is the pixel before.
    distances = put_lengths(bits, balanced([1], _DISTANCES))
    for kind, value in tokens:
        if kind == "copy":
            bits.put_code(greens[_LITERALS + value - 1] + distances[1])
            continue
        bits.put_code(greens[value >> 8 & 255])
        for codes, shift in zip(others, (16, 0, 24), strict=True):
            bits.put_code(codes[value >> shift & 255])


def _put_cache(bits: Bits, cache_bits: int) -> None:
    bits.put(cache_bits > 0, 1)
    if cache_bits:
        bits.put(cache_bits, 4)


@dataclass(frozen=True)
class Lossless:
    """A picture in blocks of 1 << block_bits pixels, each of its group's one colour.

    groups: how many; block k has number k modulo that, its red and green. transforms: of blocks of
    4 pixels, their data `transform_values` in turn. deep: each group's codes have all symbols, and
    the picture is black.
    """

    width: int
    height: int
    groups: int
    block_bits: int = 2
    cache_bits: int = 0
    transforms: tuple[int, ...] = ()
    transform_values: Sequence[int] = field(default=(0xFF000E00,))
    deep: bool = False

    def data(self) -> bytes:
        """Without the header."""
        bits = Bits()
        for transform in self.transforms:
            bits.put(1, 1)
            bits.put(transform, 2)
            if transform in (PREDICTOR, COLOUR):
                bits.put(0, 3)
                number = self._blocks(2)
                values = self.transform_values
                put_sub_image(bits, [values[k % len(values)] for k in range(number)])
        bits.put(0, 1)
        _put_cache(bits, self.cache_bits)
        bits.put(1, 1)
        bits.put(self.block_bits - 2, 3)
        put_sub_image(bits, [0xFF000000 | k << 8 for k in self._numbers().ravel().tolist()])
        if self.deep:
            bits.put_code(self._deep_group() * self.groups)
            bits.put(0, 4 * self.width * self.height)  # of four codes, the first symbol's
        else:
            for group in range(self.groups):
                codes = (group & 255, group >> 8, 0, 255, 0)
                bits.put_code("".join(map(one_symbol, codes)))
        return bits.done()

    def chunk(self) -> bytes:
        """The body of a chunk VP8L."""
        size = self.width - 1 | self.height - 1 << 14
        return b"\x2f" + struct.pack("<I", size) + self.data()

    def file(self) -> bytes:
        return riff(("VP8L", self.chunk()))

    def shows(self) -> np.ndarray:
        """The picture: uint8 (H, W, 3), RGB; without transforms that change colours."""
        numbers = self._numbers() * (not self.deep)
        side = 1 << self.block_bits
        wide = numbers.repeat(side, axis=0).repeat(side, axis=1)[: self.height, : self.width]
        return np.stack([wide >> 8, wide & 255, wide * 0], axis=2).astype(np.uint8)

    def _blocks(self, bits: int) -> int:
        return -(-self.width >> bits) * -(-self.height >> bits)

    def _numbers(self) -> np.ndarray:
        rows, columns = (-(-side >> self.block_bits) for side in (self.height, self.width))
        return (np.arange(rows * columns) % self.groups).reshape(rows, columns)

    def _deep_group(self) -> str:
        bits = Bits()
        cache = 1 << self.cache_bits if self.cache_bits else 0
        for alphabet in (_LITERALS + _LENGTHS + cache, *[_LITERALS] * 3, _DISTANCES):
            put_lengths(bits, deep(alphabet))
        return bits.text()
