"""Operations and results survive the way to the image process and back; nothing else does."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monynha.infra.images.operations import (
    EncodedImage,
    ImageRefusedError,
    Placeholder,
    RenderedImage,
    RenderOperation,
    TransformOperation,
    decode_operation,
    decode_result,
    encode_operation,
    encode_refusal,
    encode_result,
)

ENCODED = EncodedImage("image/webp", 100, 50, 1234)


def test_an_operation_arrives_as_it_was_sent() -> None:
    operations = (
        TransformOperation("/a b[n=1]", "/t", 100, None, "fill", 90, "avif"),
        RenderOperation("/source\n", "/folder"),
    )

    assert [decode_operation(encode_operation(operation)) for operation in operations] == [*operations]
    assert {encode_operation(operation).count(b"\n") for operation in operations} == {1}


def test_a_result_arrives_as_it_was_sent() -> None:
    rendered = RenderedImage(ENCODED, {100: ENCODED, 300: ENCODED, 600: ENCODED}, Placeholder("#aabbcc", "L00000"))

    assert decode_result(encode_result(rendered), RenderedImage) == rendered
    assert decode_result(encode_result(ENCODED), EncodedImage) == ENCODED


def test_a_refusal_arrives_as_the_error_that_it_was() -> None:
    with pytest.raises(ImageRefusedError, match=r"^The image is damaged or too large to decode\.$"):
        decode_result(encode_refusal(ImageRefusedError("The image is damaged or too large to decode.")), EncodedImage)


def test_an_answer_of_another_form_is_refused() -> None:
    with pytest.raises(ValidationError):
        decode_result(b'{"result": {"content_type": "text/html"}}\n', EncodedImage)
