"""The placeholder of an image: a dominant colour and a blur hash, from a few hundred of its pixels."""

from __future__ import annotations

from collections import defaultdict

import blurhash
import pyvips

from monynha.infra.images.loading import as_srgb
from monynha.infra.images.operations import Placeholder

_SIDE = 32
_COLOR_STEP = 32
"""Colours whose channels differ by less than this count as the same."""
_OPAQUE = 128
_Pixel = tuple[int, int, int]


def placeholder_of(image: pyvips.Image) -> Placeholder:
    """Return the placeholder of a decoded image."""
    small = as_srgb(image.thumbnail_image(_SIDE, height=_SIDE, size="down")).colourspace("srgb")
    visible = dominant_color(_opaque_pixels(small))
    flat = small.flatten(background=[255, 255, 255]) if small.hasalpha() else small
    pixels = _pixels(flat)
    rows = [pixels[start : start + flat.width] for start in range(0, len(pixels), flat.width)]
    across, down = (4, 3) if flat.width >= flat.height else (3, 4)
    return Placeholder(visible, blurhash.encode(rows, min(across, flat.width), min(down, flat.height)))


def dominant_color(pixels: list[_Pixel]) -> str:
    """Return the mean of the most frequent group of similar colours, as `#rrggbb`; white if there is no pixel."""
    groups: defaultdict[_Pixel, list[_Pixel]] = defaultdict(list)
    for red, green, blue in pixels:
        groups[red // _COLOR_STEP, green // _COLOR_STEP, blue // _COLOR_STEP].append((red, green, blue))
    largest = max(groups.values(), key=len, default=[(255, 255, 255)])
    channels = (round(sum(channel) / len(largest)) for channel in zip(*largest, strict=True))
    return "#" + "".join(f"{channel:02x}" for channel in channels)


def _opaque_pixels(image: pyvips.Image) -> list[_Pixel]:
    if not image.hasalpha():
        return _pixels(image)
    alpha = bytes(image.extract_band(3).write_to_memory())
    colors = _pixels(image.extract_band(0, n=3))
    return [color for color, opacity in zip(colors, alpha, strict=True) if opacity >= _OPAQUE]


def _pixels(image: pyvips.Image) -> list[_Pixel]:
    channels = bytes(image.write_to_memory())
    return list(zip(channels[0::3], channels[1::3], channels[2::3], strict=True))
