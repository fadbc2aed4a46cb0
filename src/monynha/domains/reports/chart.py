"""The bar chart of a week as a PNG (ISO/IEC 15948), drawn without a graphics library: rectangles and digits.

The background is transparent, and each colour has a contrast of 3:1 or more to white and to the dark backgrounds of
mail programs (WCAG 2.2, 1.4.11), so that one picture serves both.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from datetime import date, timedelta

WIDTH, HEIGHT = 1120, 320
"""The size in pixels, twice the size at which a mail shows it."""
COLOURS = ((0, 0, 0), (0x3B, 0x82, 0xF6), (0x8A, 0x8F, 0x98), (0x80, 0x80, 0x80))
"""Transparent, the bars of the week, those of the week before, digits and lines."""
_BAR, _BAR_BEFORE, _INK = 1, 2, 3
_DAYS = 7
_GROUP_WIDTH = WIDTH // _DAYS
_BAR_WIDTH = 48
_BAR_GAP = 8
_TOP, _BASELINE = 56, 256
_PIXEL = 8
"""How many pixels wide and high a dot of a digit is."""
_MAX_NUMBER = 9999
_PIXELS_IN_BYTE = 4
# Each digit as five rows of three dots.
_DIGITS = (
    "### #.# #.# #.# ###",
    ".#. ##. .#. .#. ###",
    "### ..# ### #.. ###",
    "### ..# .## ..# ###",
    "#.# #.# ### ..# ..#",
    "### #.. ### ..# ###",
    "### #.. ### #.# ###",
    "### ..# .#. .#. .#.",
    "### #.# ### #.# ###",
    "### #.# ### ..# ###",
)


def draw_week(first_day: date, counts: Sequence[int], counts_before: Sequence[int]) -> bytes:
    """Return the PNG of two bars for each day, that of the week before and that of the week with its number.

    Below each pair stands the day of the month.
    """
    canvas = _Canvas()
    highest = max(*counts, *counts_before, 1)
    for index, (count, count_before) in enumerate(zip(counts, counts_before, strict=True)):
        centre = index * _GROUP_WIDTH + _GROUP_WIDTH // 2
        height, height_before = (
            -(-number * (_BASELINE - _TOP) // highest) for number in (count, count_before)
        )  # rounded up, so that a small number is a visible bar
        canvas.fill(
            centre - _BAR_GAP // 2 - _BAR_WIDTH, _BASELINE - height_before, _BAR_WIDTH, height_before, _BAR_BEFORE
        )
        canvas.fill(centre + _BAR_GAP // 2, _BASELINE - height, _BAR_WIDTH, height, _BAR)
        if count:
            top = _BASELINE - height - 6 * _PIXEL
            canvas.write_number(centre + (_BAR_GAP + _BAR_WIDTH) // 2, top, count)
        canvas.write_number(centre, _BASELINE + 2 * _PIXEL, (first_day + timedelta(days=index)).day)
    canvas.fill(0, _BASELINE, WIDTH, 2, _INK)
    return canvas.to_png()


class _Canvas:
    """A picture of colour indexes of two bits: four pixels in a byte, so that it is compressed in a millisecond."""

    def __init__(self) -> None:
        self._rows = [bytearray(WIDTH // _PIXELS_IN_BYTE) for _ in range(HEIGHT)]

    def fill(self, left: int, top: int, width: int, height: int, colour: int) -> None:
        """Fill a rectangle, whose left side and width are multiples of four; what lies outside is cut off."""
        start, end = max(0, left) // _PIXELS_IN_BYTE, min(WIDTH, left + width) // _PIXELS_IN_BYTE
        pixels = bytes([colour * 0b01010101]) * (end - start)
        for row in self._rows[max(0, top) : max(0, top + height)]:
            row[start:end] = pixels

    def write_number(self, centre: int, top: int, number: int) -> None:
        """Write a number, centred."""
        digits = str(min(number, _MAX_NUMBER))
        left = centre - (4 * len(digits) - 1) * _PIXEL // 2
        for position, digit in enumerate(digits):
            for y, dots in enumerate(_DIGITS[int(digit)].split()):
                for x, dot in enumerate(dots):
                    if dot == "#":
                        self.fill(left + (4 * position + x) * _PIXEL, top + y * _PIXEL, _PIXEL, _PIXEL, _INK)

    def to_png(self) -> bytes:
        """Return the picture with its palette; the first colour is transparent."""
        lines = b"".join(b"\x00" + row for row in self._rows)
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 2, 3, 0, 0, 0)
        palette = b"".join(bytes(colour) for colour in COLOURS)
        chunks = ((b"IHDR", header), (b"PLTE", palette), (b"tRNS", b"\x00"), (b"IDAT", zlib.compress(lines)))
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in (*chunks, (b"IEND", b"")))


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
