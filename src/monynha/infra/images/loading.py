"""Reads the header of an image, refuses what is too large, and decodes the rest once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyvips

from monynha.infra.images.operations import ImageLimits, ImageRefusedError

MAX_SIDE = 16_383
"""The longest side that WebP can have."""
_LOADERS = {
    "VipsForeignLoadJpeg": "jpeg",
    "VipsForeignLoadPng": "png",
    "VipsForeignLoadWebp": "webp",
    "VipsForeignLoadNsgif": "gif",
    "VipsForeignLoadHeif": "avif",
}
"""libvips' families of loaders that may run, and the format that each one reads."""
_LOAD_OPTIONS = "fail_on=truncated"
_ROTATING_ORIENTATIONS = range(5, 9)


def configure_libvips() -> None:
    """Block all loaders but those of the five formats, and all that libvips does not trust; cache no operation."""
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    for family in _LOADERS:
        pyvips.operation_block_set(family, False)


@dataclass(frozen=True)
class ImageHeader:
    """What an image says about itself before it is decoded."""

    format: str
    """jpeg, png, webp, gif or avif."""
    width: int
    """In pixels, of one frame, after the EXIF orientation."""
    height: int
    frames: int
    has_alpha: bool


def read_header(source: Path, limits: ImageLimits) -> ImageHeader:
    """Read the header of an image; ImageRefusedError for no image, and for one that is too large."""
    try:
        image = pyvips.Image.new_from_source(pyvips.Source.new_from_file(str(source)), "", access="sequential")
        header = _header_of(image)
    except (pyvips.Error, KeyError):
        raise ImageRefusedError("The file is not an image that can be read.") from None
    if header.frames > limits.max_frames:
        raise ImageRefusedError(f"The image has {header.frames} frames; at most {limits.max_frames} are processed.")
    pixels = header.width * header.height * header.frames
    if pixels > limits.max_pixels:
        limit = limits.max_pixels // 1_000_000
        raise ImageRefusedError(f"The image has {pixels // 1_000_000} megapixels; at most {limit} are processed.")
    return header


def decode(
    source: Path, width: int, height: int, options: Mapping[str, str] | None = None, *, all_frames: bool = False
) -> pyvips.Image:
    """Decode an image into memory, shrunk to the box while it is read, upright, in sRGB with 8 bits.

    `options` are those of libvips' thumbnail, and an image is never enlarged unless they say so.
    Raises ImageRefusedError for an image that is damaged.
    """
    try:
        image = pyvips.Image.thumbnail_source(
            pyvips.Source.new_from_file(str(source)),
            width,
            height=height,
            # thumbnail_source passes to the loader only what is in here: its own argument fail_on is lost.
            option_string=_LOAD_OPTIONS + (",n=-1" if all_frames else ""),
            output_profile="srgb",
            **({"size": "down"} | dict(options or {})),
        )
        return as_srgb(image).copy_memory()
    except pyvips.Error:
        raise ImageRefusedError("The image is damaged or too large to decode.") from None


def as_srgb(image: pyvips.Image) -> pyvips.Image:
    """Return an image in sRGB or grey with 8 bits."""
    if image.interpretation not in ("srgb", "b-w"):
        image = image.colourspace("srgb")
    return image if image.format == "uchar" else image.cast("uchar")


def _header_of(image: pyvips.Image) -> ImageHeader:
    fields = image.get_fields()
    frames = int(image.get("n-pages")) if "n-pages" in fields else 1
    orientation = int(image.get("orientation")) if "orientation" in fields else 1
    width, height = image.width, image.height
    if orientation in _ROTATING_ORIENTATIONS:
        width, height = height, width
    format = _FORMATS[str(image.get("vips-loader"))]
    return ImageHeader(format, width, height, max(1, frames), bool(image.hasalpha()))


_FORMATS = {
    f"{nickname}load_source": format
    for nickname, format in (
        ("jpeg", "jpeg"),
        ("png", "png"),
        ("webp", "webp"),
        ("gif", "gif"),
        ("heif", "avif"),
    )
}
"""The formats by what libvips calls their loaders."""
