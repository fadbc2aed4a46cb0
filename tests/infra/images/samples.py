"""Images that tests make: ordinary photos, and what is sent to break a decoder."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pyvips


def photo(width: int, height: int, *, bands: int = 3) -> pyvips.Image:
    """Return a picture with structure in it: smooth areas, edges, noise; 4 bands have transparency."""
    red = pyvips.Image.perlin(width, height, cell_size=64) * 100 + 128
    green = pyvips.Image.xyz(width, height).extract_band(0) * (255 / width)
    blue = pyvips.Image.gaussnoise(width, height, mean=100, sigma=20)
    image = red.bandjoin([green, blue]).cast("uchar").copy(interpretation="srgb")
    return image.bandjoin(green.cast("uchar")).copy(interpretation="srgb") if bands == 4 else image


def plain(width: int, height: int, red: int, green: int, blue: int) -> pyvips.Image:
    """Return a picture of a single colour."""
    image = pyvips.Image.black(width, height, bands=3).linear([1, 1, 1], [red, green, blue])
    return image.cast("uchar").copy(interpretation="srgb")


def write_photo(path: Path, width: int, height: int, *, bands: int = 3) -> Path:
    """Write a photo in the format of the path's suffix."""
    photo(width, height, bands=bands).write_to_file(str(path))
    return path


def write_quadrants(path: Path, *, orientation: int) -> Path:
    """Write a JPEG of 80 by 40 pixels, half red and half blue, with an EXIF orientation, GPS and XMP."""
    image = plain(40, 40, 254, 0, 0).join(plain(40, 40, 0, 0, 254), "horizontal").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    for name, value in (
        ("exif-ifd0-Orientation", str(orientation)),
        ("exif-ifd3-GPSLatitude", "48/1 51/1 30/1"),
        ("exif-ifd3-GPSLatitudeRef", "N"),
        ("exif-ifd0-Model", "SECRET-CAMERA"),
    ):
        image.set_type(pyvips.GValue.gstr_type, name, value)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", b"<x>SECRET-PLACE</x>")
    image.jpegsave(str(path), Q=95, keep="all")
    return path


def write_animation(path: Path, *, frames: int, width: int = 64, height: int = 48) -> Path:
    """Write an animated GIF or WebP."""
    pages = [plain(width, height, index * 90 % 256, 80, index * 50 % 256) for index in range(frames)]
    strip = pyvips.Image.arrayjoin(pages, across=1).copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", height)
    strip.set_type(pyvips.GValue.array_int_type, "delay", [100] * frames)
    strip.write_to_file(str(path))
    return path


def png_bomb(width: int, height: int) -> bytes:
    """Return a PNG of a few kilobytes that says it is `width` by `height` pixels, and decodes to as many zeros."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    compressor = zlib.compressobj(9)
    row = bytes(1 + 3 * width)
    rows = b"".join(compressor.compress(row) for _ in range(min(height, 1000))) + compressor.flush()
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def gif_of_frames(frames: int) -> bytes:
    """Return a GIF with many frames of one pixel each."""
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00" + b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
    return b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff" + frame * frames + b"\x3b"


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int) -> bytes:
    """Return a PNG of a single colour."""
    return bytes(plain(width, height, 200, 30, 90).pngsave_buffer())
