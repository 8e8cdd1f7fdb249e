"""Memory that lossless WebP data takes besides its pixels. Source: RFC 9649, sections 3 to 5.

A lossless image may have up to 65,536 groups of five prefix codes. The decoder builds a lookup
table for each code, at least 5 KiB a group, while a group of codes with one symbol each takes 20
bits of the file. How many groups there are is known only from the entropy image, which stands
inside of the data behind the sub-images of the transforms. So these are read here symbol by symbol.
"""

from itertools import accumulate

from ocrnet.errors import UndecodablePicture
from ocrnet.images.header import damaged
from ocrnet.zoo.spec import Size

_PREDICTOR, _COLOUR, _INDEXING = 0, 1, 3  # transforms; the fourth, 2, has no data
_LITERALS, _LENGTHS, _DISTANCES = 256, 24, 40
_LONGEST_CODE = 15
_MOST_CACHE_BITS = 11
_CODE_LENGTH_ORDER = (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
_REPEATS = {16: (2, 3), 17: (3, 3), 18: (7, 11)}  # extra bits, least count
_MOST_GROUPS = 65_536
_FEWEST_GROUP_BITS = 20  # five codes of one symbol each
_SMALLEST_BLOCK = 4  # pixels along a side that share a group
# Bytes that libwebp 1.6 allocates (src/dec/vp8l_dec.c, src/utils/huffman_utils.h) for an entry of a
# table, a pixel of a sub-image, and a group with its number. A table has at most so many entries:
# 630 for red, blue and alpha each, 410 for distances; for green it depends on the colour cache.
_ENTRY, _PIXEL, _GROUP = 4, 4, 572
_FIXED_ENTRIES = 3 * 630 + 410
_GREEN_ENTRIES = (654, 656, 658, 662, 670, 686, 718, 782, 912, 1168, 1680, 2704)
_ROWS_AT_ONCE = 17  # of the image, that transforms are undone on
# Symbols that are read before the worst is assumed instead: a quarter of a second. libwebp's own
# encoder writes at most 2,600 pixels of entropy image.
_MOST_SYMBOLS = 2**18

_Table = list[int]  # by the next bits of the stream: symbol << 4 | length of its code


class _TooLongError(Exception):
    """More symbols would have to be read than are worth it."""


def lossless_memory(data: memoryview, size: Size) -> int:
    """Return how many bytes decoding holds at its peak besides the image's own pixels.

    data: a lossless image without its header of 5 bytes; size: of the image. Where the sub-images
    are too large to be read, it is the most that an image of that size and length could take.

    Raises UndecodablePicture for data that breaks off before the first group, or is no prefix code.
    """
    rows = _PIXEL * _ROWS_AT_ONCE * size.width
    try:
        return rows + _Reader(data).tables(size)
    except _TooLongError:
        blocks = _blocks(size.width, _SMALLEST_BLOCK) * _blocks(size.height, _SMALLEST_BLOCK)
        groups = min(_MOST_GROUPS, blocks, 8 * len(data) // _FEWEST_GROUP_BITS)
        sub_images = 3 * _PIXEL * blocks
        return rows + sub_images + groups * _group_bytes(_MOST_CACHE_BITS)


def _broken() -> UndecodablePicture:
    return damaged("WebP", "its prefix codes are broken or end too early")


def _group_bytes(cache_bits: int) -> int:
    return _GROUP + _ENTRY * (_FIXED_ENTRIES + _GREEN_ENTRIES[cache_bits])


def _blocks(side: int, block: int) -> int:
    return -(-side // block)


class _Reader:
    """Reads the bits of one stream, the least significant of each byte first."""

    def __init__(self, data: memoryview):
        self._data = data
        self._at = 0
        self._waiting = 0  # bits that were taken from the data and not read yet
        self._number = 0  # of them
        self._symbols_left = _MOST_SYMBOLS

    def tables(self, size: Size) -> int:
        """Bytes of all prefix codes and sub-images."""
        width, total = size.width, 0
        seen = set()
        while self._bits(1):
            transform = self._bits(2)
            if transform in seen:
                raise _broken()
            seen.add(transform)
            if transform in (_PREDICTOR, _COLOUR):
                pixels = self._sub_image_size(Size(size.height, width))
                self._skip_image(pixels)
                total += _PIXEL * pixels
            elif transform == _INDEXING:
                colours = self._bits(8) + 1
                self._skip_image(colours)
                total += _PIXEL * _LITERALS
                packed = 8 if colours <= 2 else 4 if colours <= 4 else 2 if colours <= 16 else 1
                width = _blocks(width, packed)
        cache_bits = self._cache_bits()
        groups = 1
        if self._bits(1):
            pixels = self._sub_image_size(Size(size.height, width))
            groups = self._skip_image(pixels) + 1
            total += _PIXEL * pixels
        return total + groups * _group_bytes(cache_bits)

    def _sub_image_size(self, size: Size) -> int:
        block = 1 << self._bits(3) + 2
        return _blocks(size.width, block) * _blocks(size.height, block)

    def _cache_bits(self) -> int:
        bits = self._bits(4) if self._bits(1) else 0
        if bits > _MOST_CACHE_BITS:
            raise _broken()
        return bits

    def _skip_image(self, pixels: int) -> int:
        """Read a sub-image to its end; the largest number that red and green make of a pixel.

        Copies of pixels and the colour cache bring no number that no literal had, except 0.
        """
        cache_bits = self._cache_bits()
        alphabet = _LITERALS + _LENGTHS + (1 << cache_bits if cache_bits else 0)
        green, red, blue, alpha = (
            self._code(symbols) for symbols in (alphabet, _LITERALS, _LITERALS, _LITERALS)
        )
        distance = self._code(_DISTANCES)
        largest = 0
        literal = green[0] >> 4
        if len(green) == len(red) == len(blue) == len(alpha) == 1 and literal < _LITERALS:
            return red[0] >> 4 << 8 | literal  # no bit is read for any pixel
        green_mask, red_mask, blue_mask, alpha_mask, distance_mask = (
            len(table) - 1 for table in (green, red, blue, alpha, distance)
        )
        waiting, number, most = self._waiting, self._number, self._symbols_left
        while pixels > 0:
            if number < 64:
                waiting |= self._next() << number
                number += 64
            most -= 1
            if most < 0:
                raise _TooLongError
            entry = green[waiting & green_mask]
            used = entry & 15
            symbol = entry >> 4
            if symbol < _LITERALS:
                entry = red[waiting >> used & red_mask]
                used += entry & 15
                value = entry >> 4 << 8 | symbol
                if value > largest:
                    largest = value
                used += blue[waiting >> used & blue_mask] & 15
                used += alpha[waiting >> used & alpha_mask] & 15
                pixels -= 1
            elif symbol < _LITERALS + _LENGTHS:
                symbol -= _LITERALS
                extra = (symbol - 2) >> 1 if symbol >= 4 else 0
                added = waiting >> used & (1 << extra) - 1
                pixels -= (2 + (symbol & 1) << extra) + added + 1 if extra else symbol + 1
                used += extra
                entry = distance[waiting >> used & distance_mask]
                symbol = entry >> 4
                used += (entry & 15) + ((symbol - 2) >> 1 if symbol >= 4 else 0)
            else:
                pixels -= 1
            waiting >>= used
            number -= used
        self._waiting, self._number, self._symbols_left = waiting, number, most
        if pixels < 0:
            raise _broken()
        return largest

    def _code(self, symbols: int) -> _Table:
        """Read one prefix code."""
        lengths = [0] * max(symbols, _LITERALS)
        if self._bits(1):
            two, long = self._bits(1), self._bits(1)
            lengths[self._bits(8 if long else 1)] = 1
            if two:
                lengths[self._bits(8)] = 1
            return _table(lengths[:symbols])
        shorter = [0] * len(_CODE_LENGTH_ORDER)
        for symbol in _CODE_LENGTH_ORDER[: 4 + self._bits(4)]:
            shorter[symbol] = self._bits(3)
        table = _table(shorter)
        left = symbols
        if self._bits(1):
            left = 2 + self._bits(2 + 2 * self._bits(3))
            if left > symbols:
                raise _broken()
        at, previous = 0, 8
        while at < symbols and left > 0:
            left -= 1
            length = self._symbol(table)
            times = 1
            if length > _LONGEST_CODE:
                extra, least = _REPEATS[length]
                times = least + self._bits(extra)
                length = previous if length == 16 else 0
            elif length:
                previous = length
            if at + times > symbols:
                raise _broken()
            lengths[at : at + times] = [length] * times
            at += times
        return _table(lengths[:symbols])

    def _symbol(self, table: _Table) -> int:
        self._fill()
        entry = table[self._waiting & len(table) - 1]
        self._waiting >>= entry & 15
        self._number -= entry & 15
        return entry >> 4

    def _bits(self, count: int) -> int:
        self._fill()
        value = self._waiting & (1 << count) - 1
        self._waiting >>= count
        self._number -= count
        return value

    def _fill(self) -> None:
        if self._number < 64:
            self._waiting |= self._next() << self._number
            self._number += 64

    def _next(self) -> int:
        """The next 64 bits of the data, with zeros behind its end."""
        if self._at >= len(self._data) + 16:
            raise _broken()
        number = int.from_bytes(self._data[self._at : self._at + 8], "little")
        self._at += 8
        return number


def _table(lengths: list[int]) -> _Table:
    """Build the table of the canonical code of those lengths, 0 for a symbol that has none.

    Raises UndecodablePicture for lengths that make no complete code.
    """
    used = sorted((length, symbol) for symbol, length in enumerate(lengths) if length)
    if len(used) == 1:
        return [used[0][1] << 4]
    if not used:
        raise _broken()
    longest = used[-1][0]
    table = [0] * (1 << longest)
    # Where each code begins if it is written with as many bits as the longest one.
    starts = accumulate((1 << longest - length for length, _ in used), initial=0)
    for start, (length, symbol) in zip(starts, used, strict=False):
        if start >= 1 << longest:
            raise _broken()
        first = int(f"{start:0{longest}b}"[::-1], 2)
        table[first :: 1 << length] = [symbol << 4 | length] * (1 << longest - length)
    if sum(1 << longest - length for length, _ in used) != 1 << longest:
        raise _broken()
    return table
