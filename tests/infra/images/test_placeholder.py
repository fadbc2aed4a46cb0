"""The placeholder of an image resembles it."""

from __future__ import annotations

import blurhash
import pytest
import pyvips

from monynha.infra.images.placeholder import dominant_color, placeholder_of
from tests.infra.images.samples import plain


def test_the_colour_of_a_plain_image_is_its_own() -> None:
    placeholder = placeholder_of(plain(60, 40, 200, 30, 90))

    assert placeholder.color == "#c81e5a"


def test_the_dominant_colour_is_that_of_the_largest_area_and_not_the_mean() -> None:
    pixels = [(250, 0, 0)] * 60 + [(0, 0, 250)] * 40

    assert dominant_color(pixels) == "#fa0000"


def test_no_pixel_at_all_is_white() -> None:
    assert dominant_color([]) == "#ffffff"


def test_transparent_pixels_do_not_count() -> None:
    visible = plain(20, 40, 10, 120, 10).bandjoin(255)
    hidden = plain(40, 40, 250, 0, 0).bandjoin(0)
    image = visible.join(hidden, "horizontal").copy(interpretation="srgb")

    assert placeholder_of(image).color == "#0a780a"


@pytest.mark.parametrize(("size", "components"), [((90, 40), (4, 3)), ((40, 90), (3, 4)), ((1, 1), (1, 1))])
def test_the_blur_hash_decodes_to_the_colours_of_the_image(size: tuple[int, int], components: tuple[int, int]) -> None:
    placeholder = placeholder_of(plain(*size, 200, 30, 90))

    assert blurhash.components(placeholder.blur_hash) == components
    assert blurhash.decode(placeholder.blur_hash, 9, 9)[4][4] == pytest.approx([200, 30, 90], abs=12)


def test_a_grey_image_has_a_placeholder() -> None:
    grey = (pyvips.Image.black(30, 30) + 128).cast("uchar").copy(interpretation="b-w")

    assert placeholder_of(grey).color == "#808080"
