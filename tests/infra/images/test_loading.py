"""Images that are sent to break the decoder are refused before or while they are read."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import pytest
import pyvips

from monynha.infra.images.loading import configure_libvips, decode, read_header
from monynha.infra.images.operations import ImageLimits, ImageRefusedError, RenderOperation
from monynha.infra.images.rendering import render
from tests.infra.images.samples import gif_of_frames, photo, png_bomb, write_animation, write_photo

LIMITS = ImageLimits()
NO_IMAGE = "The file is not an image that can be read."


@pytest.fixture(autouse=True, scope="module")
def _blocked_loaders() -> None:
    configure_libvips()


def _refusal(source: Path, limits: ImageLimits = LIMITS) -> str:
    with pytest.raises(ImageRefusedError) as refusal:
        render(RenderOperation(str(source), str(source.parent)), limits)
    return str(refusal.value)


def test_the_header_has_size_frames_and_transparency(tmp_path: Path) -> None:
    header = read_header(write_photo(tmp_path / "photo.png", 30, 20, bands=4), LIMITS)
    moving = read_header(write_animation(tmp_path / "moving.gif", frames=3), LIMITS)

    assert (header.format, header.width, header.height, header.frames, header.has_alpha) == ("png", 30, 20, 1, True)
    assert (moving.format, moving.width, moving.height, moving.frames) == ("gif", 64, 48, 3)


def test_a_png_that_says_it_is_30_000_squared_is_refused_by_its_header(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(png_bomb(30_000, 30_000))

    assert bomb.stat().st_size < 200_000
    assert _refusal(bomb) == "The image has 900 megapixels; at most 100 are processed."


def test_a_gif_of_10_000_frames_is_refused(tmp_path: Path) -> None:
    (tmp_path / "many.gif").write_bytes(gif_of_frames(10_000))

    assert _refusal(tmp_path / "many.gif") == "The image has 10000 frames; at most 500 are processed."


def test_the_pixels_of_all_frames_count_together(tmp_path: Path) -> None:
    source = write_animation(tmp_path / "moving.gif", frames=40, width=500, height=500)

    assert _refusal(source, ImageLimits(max_pixels=5_000_000)) == (
        "The image has 10 megapixels; at most 5 are processed."
    )


@pytest.mark.parametrize("name", ["photo.jpg", "photo.png", "photo.webp", "photo.gif"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.9])
def test_a_truncated_image_is_refused(tmp_path: Path, name: str, part: float) -> None:
    content = write_photo(tmp_path / name, 400, 300).read_bytes()
    (tmp_path / "truncated").write_bytes(content[: int(len(content) * part)])

    assert _refusal(tmp_path / "truncated") in (NO_IMAGE, "The image is damaged or too large to decode.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff",
        b"GIF89a<script>alert(1)</script>",
        b"\x89PNG\r\n\x1a\n" + b"A" * 100,
        b"RIFF\x00\x00\x00\x00WEBPVP8 " + b"\x00" * 50,
        b"<html><script>alert(1)</script></html>",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>',
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "lol">]><svg xmlns="http://www.w3.org/2000/svg"/>',
        b"%PDF-1.4\n%EOF",
        b"P6\n10 10\n255\n" + b"\x00" * 300,
        b"II*\x00\x08\x00\x00\x00\x00\x00",
        b"1,2,3\n4,5,6\n",
    ],
)
def test_what_is_no_image_of_the_five_formats_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)

    assert _refusal(tmp_path / "file") in (NO_IMAGE, "The image is damaged or too large to decode.")


@pytest.mark.parametrize("suffix", ["tif", "v", "ppm"])
def test_a_format_that_libvips_could_read_but_we_do_not_allow_is_refused(tmp_path: Path, suffix: str) -> None:
    image = photo(20, 20)
    target = tmp_path / f"photo.{suffix}"
    if suffix == "ppm":
        target.write_bytes(b"P6\n20 20\n255\n" + bytes(image.write_to_memory()))
    else:
        image.write_to_file(str(target))

    assert _refusal(target) == NO_IMAGE


def test_what_is_appended_to_an_image_is_not_kept(tmp_path: Path) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr("payload.html", "<script>alert(1)</script>")
    for suffix in ("jpg", "png", "webp"):
        source = write_photo(tmp_path / f"polyglot.{suffix}", 60, 40)
        source.write_bytes(source.read_bytes() + archive.getvalue() + b"<script>alert(2)</script>")

        render(RenderOperation(str(source), str(tmp_path)), LIMITS)

        for name in ("main", "600", "300", "100"):
            content = (tmp_path / name).read_bytes()
            assert (b"<script>" in content, b"payload.html" in content) == (False, False)


def test_a_path_with_options_of_libvips_in_it_is_only_a_path(tmp_path: Path) -> None:
    source = write_photo(tmp_path / "photo.jpg", 60, 40).rename(tmp_path / "photo.jpg[shrink=8]")

    assert (read_header(source, LIMITS).width, decode(source, 100, 100).width) == (60, 60)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "nothing.jpg") == NO_IMAGE


def test_svg_is_refused_by_libvips_itself() -> None:
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "")
