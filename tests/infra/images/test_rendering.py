"""What is made of an image: main picture, thumbnails, avatar, transforms."""

from __future__ import annotations

from pathlib import Path

import pytest
import pyvips

from monynha.infra.images.operations import (
    AvatarOperation,
    EncodedImage,
    ImageLimits,
    OutputFormat,
    RenderedImage,
    RenderOperation,
    ResizeMode,
    TransformOperation,
)
from monynha.infra.images.rendering import crop_avatar, execute, render, transform
from tests.infra.images.samples import photo, plain, write_animation, write_photo, write_quadrants

LIMITS = ImageLimits()


def _render(source: Path) -> RenderedImage:
    return render(RenderOperation(str(source), str(source.parent)), LIMITS)


def _sizes(rendered: RenderedImage) -> dict[int, tuple[int, int]]:
    return {side: (image.width, image.height) for side, image in rendered.thumbnails.items()}


def _colour(path: Path, x: int, y: int) -> str:
    red, _, blue = pyvips.Image.new_from_file(str(path)).extract_band(0, n=3).getpoint(x, y)
    return "red" if red > blue else "blue"


def test_a_large_photo_becomes_a_jpeg_of_1920_pixels_width_and_three_thumbnails_that_fit(tmp_path: Path) -> None:
    rendered = _render(write_photo(tmp_path / "large.jpg", 2600, 1300))

    assert (rendered.main.content_type, rendered.main.width, rendered.main.height) == ("image/jpeg", 1920, 960)
    assert _sizes(rendered) == {600: (600, 300), 300: (300, 150), 100: (100, 50)}
    assert {image.content_type for image in rendered.thumbnails.values()} == {"image/webp"}


def test_the_sizes_told_are_those_of_the_files(tmp_path: Path) -> None:
    rendered = _render(write_photo(tmp_path / "photo.jpg", 700, 900))

    written = {}
    for name in ("main", "600", "300", "100"):
        image = pyvips.Image.new_from_file(str(tmp_path / name))
        written[name] = (image.width, image.height, (tmp_path / name).stat().st_size)
    images = {"main": rendered.main, **{str(side): image for side, image in rendered.thumbnails.items()}}
    assert written == {name: (image.width, image.height, image.size) for name, image in images.items()}


def test_a_small_image_is_never_enlarged(tmp_path: Path) -> None:
    rendered = _render(write_photo(tmp_path / "small.png", 80, 40))

    assert (rendered.main.width, rendered.main.height) == (80, 40)
    assert _sizes(rendered) == {600: (80, 40), 300: (80, 40), 100: (80, 40)}


@pytest.mark.parametrize(
    ("name", "bands", "content_type"),
    [
        ("photo.jpg", 3, "image/jpeg"),
        ("opaque.png", 3, "image/jpeg"),
        ("transparent.png", 4, "image/png"),
        ("opaque.webp", 3, "image/webp"),
        ("transparent.webp", 4, "image/webp"),
        ("opaque.avif", 3, "image/jpeg"),
        ("transparent.avif", 4, "image/webp"),
    ],
)
def test_webp_and_transparency_are_kept_and_the_rest_becomes_jpeg(
    tmp_path: Path, name: str, bands: int, content_type: str
) -> None:
    rendered = _render(write_photo(tmp_path / name, 120, 90, bands=bands))

    assert rendered.main.content_type == content_type
    assert pyvips.Image.new_from_file(str(tmp_path / "main")).bands == bands
    assert pyvips.Image.new_from_file(str(tmp_path / "100")).bands == bands


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [(1, (80, 40), (5, 20)), (3, (80, 40), (75, 20)), (6, (40, 80), (20, 5)), (8, (40, 80), (20, 75))],
)
def test_the_exif_orientation_is_applied(
    tmp_path: Path, orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    rendered = _render(write_quadrants(tmp_path / "turned.jpg", orientation=orientation))

    assert (rendered.main.width, rendered.main.height) == size
    assert (_colour(tmp_path / "main", *red_at), _colour(tmp_path / "100", *red_at)) == ("red", "red")
    opposite = (size[0] - 1 - red_at[0], size[1] - 1 - red_at[1])
    assert _colour(tmp_path / "main", *opposite) == "blue"


def test_no_metadata_is_left_in_any_file(tmp_path: Path) -> None:
    source = write_quadrants(tmp_path / "gps.jpg", orientation=6)
    assert b"SECRET-CAMERA" in source.read_bytes()
    assert b"SECRET-PLACE" in source.read_bytes()

    _render(source)
    crop_avatar(AvatarOperation(str(source), str(tmp_path / "avatar")), LIMITS)
    transform(TransformOperation(str(source), str(tmp_path / "transformed"), width=20), LIMITS)

    for name in ("main", "600", "300", "100", "avatar", "transformed"):
        content = (tmp_path / name).read_bytes()
        fields = pyvips.Image.new_from_file(str(tmp_path / name)).get_fields()
        assert b"SECRET" not in content
        assert [field for field in fields if field.startswith(("exif", "xmp", "iptc", "icc"))] == []


def test_colours_of_another_profile_are_converted_to_srgb(tmp_path: Path) -> None:
    green = plain(50, 50, 0, 200, 0)
    converted = green.icc_transform("p3", input_profile="srgb")
    converted.pngsave(str(tmp_path / "p3.png"), keep="all")
    assert pyvips.Image.new_from_file(str(tmp_path / "p3.png")).getpoint(5, 5)[0] > 20

    _render(tmp_path / "p3.png")

    red, green_channel, blue = pyvips.Image.new_from_file(str(tmp_path / "main")).getpoint(5, 5)
    assert (red < 12, 190 < green_channel < 210, blue < 12) == (True, True, True)


def test_a_cmyk_photo_becomes_an_rgb_one(tmp_path: Path) -> None:
    photo(120, 80).icc_transform("cmyk", input_profile="srgb").jpegsave(str(tmp_path / "print.jpg"))

    _render(tmp_path / "print.jpg")

    assert pyvips.Image.new_from_file(str(tmp_path / "main")).interpretation == "srgb"


def test_a_grey_photo_with_16_bits_becomes_an_ordinary_one(tmp_path: Path) -> None:
    grey = photo(120, 80).colourspace("grey16")
    grey.pngsave(str(tmp_path / "grey.png"))

    rendered = _render(tmp_path / "grey.png")

    main = pyvips.Image.new_from_file(str(tmp_path / "main"))
    assert (main.format, main.interpretation, rendered.main.content_type) == ("uchar", "srgb", "image/jpeg")


@pytest.mark.parametrize("name", ["moving.gif", "moving.webp"])
def test_an_animation_stays_one_as_webp_and_its_thumbnails_are_its_first_frame(tmp_path: Path, name: str) -> None:
    source = write_animation(tmp_path / name, frames=7, width=64, height=48)

    rendered = _render(source)

    main = pyvips.Image.new_from_file(str(tmp_path / "main"), n=-1)
    assert (main.get("n-pages"), main.get("delay")[:2], main.get_page_height()) == (7, [100, 100], 48)
    assert (rendered.main.content_type, rendered.main.width, rendered.main.height) == ("image/webp", 64, 48)
    assert _sizes(rendered)[600] == (64, 48)


@pytest.mark.parametrize(
    ("size", "side"), [((300, 120), 120), ((120, 300), 120), ((2000, 1500), 512), ((512, 512), 512)]
)
def test_an_avatar_is_a_square_of_at_most_512_pixels(tmp_path: Path, size: tuple[int, int], side: int) -> None:
    source = write_photo(tmp_path / "face.jpg", *size)

    avatar = crop_avatar(AvatarOperation(str(source), str(tmp_path / "avatar")), LIMITS)

    assert (avatar.content_type, avatar.width, avatar.height) == ("image/webp", side, side)


def test_an_avatar_is_the_middle_of_the_image(tmp_path: Path) -> None:
    source = write_quadrants(tmp_path / "turned.jpg", orientation=6)

    crop_avatar(AvatarOperation(str(source), str(tmp_path / "avatar")), LIMITS)

    assert (_colour(tmp_path / "avatar", 20, 3), _colour(tmp_path / "avatar", 20, 36)) == ("red", "blue")


@pytest.mark.parametrize(
    ("width", "height", "resize", "size"),
    [
        (200, 200, "cover", (200, 200)),
        (200, 200, "contain", (200, 100)),
        (200, 200, "fill", (200, 200)),
        (200, None, "cover", (200, 100)),
        (None, 50, "fill", (100, 50)),
        (900, 900, "contain", (400, 200)),
        (900, 100, "cover", (400, 100)),
        (900, 100, "fill", (400, 100)),
        (None, None, "cover", (400, 200)),
    ],
)
def test_a_transform_fits_covers_or_fills_the_box_without_enlarging(
    tmp_path: Path, width: int | None, height: int | None, resize: ResizeMode, size: tuple[int, int]
) -> None:
    source = write_photo(tmp_path / "photo.jpg", 400, 200)

    image = transform(TransformOperation(str(source), str(tmp_path / "out"), width, height, resize), LIMITS)

    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    ("name", "format", "content_type"),
    [
        ("photo.jpg", "origin", "image/jpeg"),
        ("photo.png", "origin", "image/png"),
        ("photo.webp", "origin", "image/webp"),
        ("photo.gif", "origin", "image/gif"),
        ("photo.avif", "origin", "image/avif"),
        ("photo.jpg", "webp", "image/webp"),
        ("photo.jpg", "avif", "image/avif"),
        ("photo.webp", "jpeg", "image/jpeg"),
        ("photo.jpg", "png", "image/png"),
    ],
)
def test_a_transform_keeps_the_format_or_takes_the_requested(
    tmp_path: Path, name: str, format: OutputFormat, content_type: str
) -> None:
    source = write_photo(tmp_path / name, 60, 40)

    image = execute(TransformOperation(str(source), str(tmp_path / "out"), width=30, format=format), LIMITS)

    assert isinstance(image, EncodedImage)
    assert (image.content_type, image.width, image.height) == (content_type, 30, 20)


def test_a_lower_quality_makes_a_smaller_file(tmp_path: Path) -> None:
    source = write_photo(tmp_path / "photo.jpg", 400, 200)

    sizes = [
        transform(TransformOperation(str(source), str(tmp_path / "out"), quality=quality), LIMITS).size
        for quality in (30, 90)
    ]

    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[1]
