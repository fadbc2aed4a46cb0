"""What the image process does, and what comes of it, as values with a JSON form."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Literal, TypeVar

import orjson

ResizeMode = Literal["cover", "contain", "fill"]
"""Fill the box and cut off the rest, fit into the box, or take the box's proportions."""
OutputFormat = Literal["origin", "jpeg", "png", "webp", "avif"]
"""`origin` is the format of the source."""

MAIN_WIDTH = 1920
CONTENT_TYPES = frozenset(f"image/{format}" for format in ("jpeg", "png", "webp", "avif", "gif"))
THUMBNAIL_SIZES = (100, 300, 600)
"""The sides of the squares that thumbnails fit into, in pixels."""
AVATAR_SIDE = 512
QUALITY = 80

T = TypeVar("T")


class ImageRefusedError(Exception):
    """An image that cannot be processed however often it is tried; the text is for its uploader."""


class ImageProcessError(Exception):
    """The image process crashed, took too long or too much memory; the text is for the image's uploader."""


@dataclass(frozen=True)
class ImageLimits:
    """What an image may be, and what processing it may take."""

    max_pixels: int = 100_000_000
    """Width times height, of all frames together."""
    max_frames: int = 500
    memory_bytes: int = 1_500_000_000
    """Of address space; the process ends when it needs more."""
    cpu_seconds: float = 20.0
    wall_seconds: float = 120.0
    """Longer, because the process has a low priority and waits for the others."""


@dataclass(frozen=True)
class RenderOperation:
    """Make the main picture, the thumbnails and the placeholder of an image.

    The files are written into `folder` as `main` and as `100`, `300` and `600`.
    """

    source: str
    folder: str


@dataclass(frozen=True)
class AvatarOperation:
    """Cut the largest square out of the middle of an image and write it to `target`, at most 512 pixels wide."""

    source: str
    target: str


@dataclass(frozen=True)
class TransformOperation:
    """Resize an image as a client requests it and write it to `target`; it is never enlarged.

    An image with several frames is reduced to its first.
    """

    source: str
    target: str
    width: int | None = None
    height: int | None = None
    resize: ResizeMode = "cover"
    quality: int = QUALITY
    """From 20 to 100."""
    format: OutputFormat = "origin"


Operation = RenderOperation | AvatarOperation | TransformOperation


@dataclass(frozen=True)
class EncodedImage:
    """An image that was written to a file."""

    content_type: str
    width: int
    height: int
    size: int
    """In bytes."""


@dataclass(frozen=True)
class Placeholder:
    """What clients show until an image is loaded."""

    color: str
    """The dominant colour, as `#rrggbb`."""
    blur_hash: str
    """See blurha.sh."""


@dataclass(frozen=True)
class RenderedImage:
    """The outcome of a `RenderOperation`."""

    main: EncodedImage
    thumbnails: dict[int, EncodedImage]
    """By the side of the square that they fit into."""
    placeholder: Placeholder


OperationResult = RenderedImage | EncodedImage

_OPERATIONS: Mapping[str, type[Operation]] = {
    "render": RenderOperation,
    "avatar": AvatarOperation,
    "transform": TransformOperation,
}
_NAMES = {operation: name for name, operation in _OPERATIONS.items()}
_REFUSED, _RESULT = "refused", "result"
_MAX_REFUSAL_LENGTH = 500
_BLUR_HASH = re.compile(r"[0-9A-Za-z#$%*+,.:;=?@\[\]^_{|}~-]{6,100}")
"""Digits in base 83."""


def encode_operation(operation: Operation) -> bytes:
    """Return the line that asks the image process for an operation."""
    return orjson.dumps({"operation": _NAMES[type(operation)], **asdict(operation)}) + b"\n"


def decode_operation(line: bytes) -> Operation:
    """Return the operation of a line."""
    values = orjson.loads(line)
    return _OPERATIONS[values.pop("operation")](**values)


def encode_result(result: OperationResult) -> bytes:
    """Return the line with the result of an operation."""
    return orjson.dumps({_RESULT: asdict(result)}, option=orjson.OPT_NON_STR_KEYS) + b"\n"


def encode_refusal(refusal: ImageRefusedError) -> bytes:
    """Return the line that says why an image is refused."""
    return orjson.dumps({_REFUSED: str(refusal)}) + b"\n"


def decode_result(line: bytes, result_type: type[T]) -> T:
    """Return the result of a line; ImageRefusedError if the image was refused.

    The process that wrote the line may have been taken over by the image: ImageProcessError for any other form.
    """
    try:
        answer = orjson.loads(line)
        if _REFUSED in answer:
            refusal = str(answer[_REFUSED])[:_MAX_REFUSAL_LENGTH]
        else:
            refusal, values = "", answer[_RESULT]
            result = _rendered_image(values) if result_type is RenderedImage else _encoded_image(values)
    except (KeyError, TypeError, ValueError) as error:
        raise ImageProcessError("Processing the image failed.") from error
    if refusal:
        raise ImageRefusedError(refusal)
    # One of the two classes, by the condition above.
    assert isinstance(result, result_type)
    return result


def _rendered_image(values: Mapping[str, Mapping[str, object]]) -> RenderedImage:
    placeholder = values["placeholder"]
    thumbnails = {int(side): _encoded_image(image) for side, image in _items(values["thumbnails"])}
    if set(thumbnails) != set(THUMBNAIL_SIZES):
        raise ValueError("other sizes")
    color, blur_hash = str(placeholder["color"]), str(placeholder["blur_hash"])
    if not re.fullmatch("#[0-9a-f]{6}", color) or not _BLUR_HASH.fullmatch(blur_hash):
        raise ValueError("no placeholder")
    return RenderedImage(_encoded_image(values["main"]), thumbnails, Placeholder(color, blur_hash))


def _items(values: object) -> Iterator[tuple[str, Mapping[str, object]]]:
    if not isinstance(values, dict):
        raise TypeError("no object")
    yield from values.items()


def _encoded_image(values: Mapping[str, object]) -> EncodedImage:
    numbers = [values[name] for name in ("width", "height", "size")]
    width, height, size = (number for number in numbers if isinstance(number, int) and number > 0)
    if values["content_type"] not in CONTENT_TYPES:
        raise ValueError("another type")
    return EncodedImage(str(values["content_type"]), width, height, size)
