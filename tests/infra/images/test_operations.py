"""Operations and results survive the way to the image process and back; nothing else does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monynha.infra.images.operations import (
    EncodedImage,
    ImageProcessError,
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


RENDERED = RenderedImage(ENCODED, {100: ENCODED, 300: ENCODED, 600: ENCODED}, Placeholder("#aabbcc", "L00000"))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"no JSON\n",
        b"[]\n",
        b"{}\n",
        b'{"result": {"content_type": "text/html", "width": 1, "height": 1, "size": 1}}\n',
        b'{"result": {"content_type": "image/png", "width": "1", "height": 1, "size": 1}}\n',
        b'{"result": {"content_type": "image/png", "width": -1, "height": 1, "size": 1}}\n',
        b'{"result": null}\n',
    ],
)
def test_an_answer_of_another_form_is_a_failure_of_the_process(line: bytes) -> None:
    with pytest.raises(ImageProcessError):
        decode_result(line, EncodedImage)


@pytest.mark.parametrize(
    "rendered",
    [
        replace(RENDERED, thumbnails={100: ENCODED}),
        replace(RENDERED, placeholder=Placeholder("red; background: url(x)", "L00000")),
        replace(RENDERED, placeholder=Placeholder("#aabbcc", "<script>")),
        replace(RENDERED, main=replace(ENCODED, content_type="text/html")),
    ],
)
def test_a_rendered_image_of_another_form_is_a_failure_of_the_process(rendered: RenderedImage) -> None:
    with pytest.raises(ImageProcessError):
        decode_result(encode_result(rendered), RenderedImage)
