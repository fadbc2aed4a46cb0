"""The media type of what was rendered."""

from __future__ import annotations

import pytest

from monynha.domains.storage.rendering import Transformation, image_type


@pytest.mark.parametrize(
    ("start", "content_type"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"\x89PNG\r\n", "image/png"),
        (b"RIFF\x00\x00\x00\x00WEBP", "image/webp"),
        (b"GIF89a", "image/gif"),
        (b"\x00\x00\x00\x20ftypavif", "image/avif"),
    ],
)
def test_type_is_that_of_the_first_bytes(start: bytes, content_type: str) -> None:
    assert image_type(start) == content_type


def test_each_transformation_has_a_name_of_its_own() -> None:
    transformations = [
        Transformation(),
        Transformation(width=1),
        Transformation(height=1),
        Transformation(1, 1),
        Transformation(1, 1, "fill"),
        Transformation(1, 1, quality=50),
        Transformation(1, 1, format="webp"),
    ]

    assert len({transformation.digest for transformation in transformations}) == len(transformations)
