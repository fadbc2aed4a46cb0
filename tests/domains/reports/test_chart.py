"""The chart of a weekly report: what it draws, and whether it can be read in light and in dark mail."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from datetime import date

import pytest

from monynha.domains.reports.chart import COLOURS, HEIGHT, WIDTH, draw_week

MONDAY = date(2026, 11, 16)
NOTHING = [0] * 7
BAR, BAR_BEFORE, INK = 1, 2, 3


def read_png(png: bytes) -> dict[bytes, bytes]:
    """Return the chunks of a PNG by name; each has the right checksum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, position = {}, 8
    while position < len(png):
        (length,) = struct.unpack(">I", png[position : position + 4])
        name, data = png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        assert struct.unpack(">I", png[position + 8 + length : position + 12 + length]) == (zlib.crc32(name + data),)
        chunks[name] = data
        position += 12 + length
    return chunks


def rows_of(png: bytes) -> list[bytes]:
    """Return the rows of colour indexes."""
    content = zlib.decompress(read_png(png)[b"IDAT"])
    lines = [content[start : start + 1 + WIDTH // 4] for start in range(0, len(content), 1 + WIDTH // 4)]
    assert {line[0] for line in lines} == {0}
    return [bytes(byte >> shift & 3 for byte in line[1:] for shift in (6, 4, 2, 0)) for line in lines]


def bar_height(png: bytes, day: int, colour: int) -> int:
    """Return the height in pixels of a day's bar."""
    left = day * WIDTH // 7
    return sum(colour in row[left : left + WIDTH // 7] for row in rows_of(png))


def luminance(colour: tuple[int, int, int]) -> float:
    """Return the relative luminance (WCAG 2.2)."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_chart_is_a_png_with_a_transparent_background() -> None:
    chunks = read_png(draw_week(MONDAY, [1, 2, 3, 4, 5, 6, 7], NOTHING))

    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 2, 3, 0, 0, 0)
    assert chunks[b"tRNS"] == b"\x00"
    assert len(chunks[b"PLTE"]) == 3 * len(COLOURS)
    assert list(chunks)[-1] == b"IEND"


@pytest.mark.parametrize("background", [(255, 255, 255), (0x1E, 0x1E, 0x1E), (0, 0, 0)])
@pytest.mark.parametrize("colour", COLOURS[1:])
def test_each_colour_is_readable_in_light_and_dark_mail(
    colour: tuple[int, int, int], background: tuple[int, int, int]
) -> None:
    lighter, darker = sorted((luminance(colour), luminance(background)), reverse=True)

    assert (lighter + 0.05) / (darker + 0.05) >= 3


def test_bars_are_as_high_as_their_numbers() -> None:
    png = draw_week(MONDAY, [10, 5, 1, 0, 0, 0, 0], [0, 20, 0, 0, 0, 0, 10])

    assert [bar_height(png, day, BAR) for day in range(7)] == [100, 50, 10, 0, 0, 0, 0]
    assert [bar_height(png, day, BAR_BEFORE) for day in range(7)] == [0, 200, 0, 0, 0, 0, 100]


def test_a_small_number_beside_a_large_one_is_still_a_bar() -> None:
    assert bar_height(draw_week(MONDAY, [1, 100_000, *NOTHING[2:]], NOTHING), 0, BAR) == 1


def test_a_week_without_any_task_is_an_empty_chart() -> None:
    colours = Counter(pixel for row in rows_of(draw_week(MONDAY, NOTHING, NOTHING)) for pixel in row)

    assert set(colours) == {0, INK}


@pytest.mark.parametrize("number", [0, 7, 12, 345, 6789, 10**9])
def test_no_number_is_drawn_outside_of_the_picture(number: int) -> None:
    png = draw_week(MONDAY, [number, *NOTHING[2:], number], NOTHING)

    rows = rows_of(png)
    assert (len(rows), {len(row) for row in rows}) == (HEIGHT, {WIDTH})
    assert len(png) < 4096


def test_the_week_may_cross_the_end_of_a_month() -> None:
    assert draw_week(date(2026, 11, 30), NOTHING, NOTHING) != draw_week(MONDAY, NOTHING, NOTHING)
