"""Renders images: main picture and thumbnails, avatars, and what a client requests.

Each image is decoded once, shrunk while it is read where its format allows it. What is written has no metadata: no
place, no camera, no comment; the colours are converted to sRGB instead of keeping a profile.
"""

from __future__ import annotations

from pathlib import Path

import pyvips

from monynha.infra.images.loading import MAX_SIDE, ImageHeader, decode, read_header
from monynha.infra.images.operations import (
    AVATAR_SIDE,
    MAIN_WIDTH,
    QUALITY,
    THUMBNAIL_SIZES,
    AvatarOperation,
    EncodedImage,
    ImageLimits,
    ImageRefusedError,
    Operation,
    OperationResult,
    RenderedImage,
    RenderOperation,
    TransformOperation,
)
from monynha.infra.images.placeholder import placeholder_of

_WEBP_EFFORT = 2
_AVIF_EFFORT = 2
"""Of 9: more costs seconds and saves a few per cent."""


def execute(operation: Operation, limits: ImageLimits) -> OperationResult:
    """Execute an operation; ImageRefusedError for an image that is too large, damaged or none."""
    if isinstance(operation, RenderOperation):
        return render(operation, limits)
    if isinstance(operation, AvatarOperation):
        return crop_avatar(operation, limits)
    return transform(operation, limits)


def render(operation: RenderOperation, limits: ImageLimits) -> RenderedImage:
    """Make the main picture, the thumbnails and the placeholder of an image."""
    source, folder = Path(operation.source), Path(operation.folder)
    header = read_header(source, limits)
    image = decode(source, MAIN_WIDTH, MAX_SIDE, all_frames=header.frames > 1)
    main = _encode(image, folder / "main", _main_format(header), QUALITY)
    frame = smaller = image.crop(0, 0, image.width, image.get_page_height()) if header.frames > 1 else image
    thumbnails = {}
    for side in sorted(THUMBNAIL_SIZES, reverse=True):
        # Each one is made of the next larger: that is as good, and a thirtieth of the work.
        smaller = smaller.thumbnail_image(side, height=side, size="down").copy_memory()
        thumbnails[side] = _encode(smaller, folder / str(side), "webp", QUALITY)
    return RenderedImage(main, thumbnails, placeholder_of(frame))


def crop_avatar(operation: AvatarOperation, limits: ImageLimits) -> EncodedImage:
    """Cut the largest square out of the middle of an image."""
    source = Path(operation.source)
    header = read_header(source, limits)
    side = min(AVATAR_SIDE, header.width, header.height)
    image = decode(source, side, side, {"crop": "centre"})
    return _encode(image, Path(operation.target), "webp", QUALITY)


def transform(operation: TransformOperation, limits: ImageLimits) -> EncodedImage:
    """Resize an image as a client requests it."""
    source = Path(operation.source)
    header = read_header(source, limits)
    width, height = operation.width or MAX_SIDE, operation.height or MAX_SIDE
    options: dict[str, str] = {}
    if operation.width and operation.height:
        if operation.resize == "cover":
            options = {"crop": "centre"}
        elif operation.resize == "fill":
            width, height, options = min(width, header.width), min(height, header.height), {"size": "force"}
    image = decode(source, width, height, options)
    format = header.format if operation.format == "origin" else operation.format
    return _encode(image, Path(operation.target), format, operation.quality)


def _main_format(header: ImageHeader) -> str:
    """Return the format of the main picture: WebP stays, an animation becomes WebP, transparency is kept."""
    if header.format == "webp" or header.frames > 1:
        return "webp"
    if header.has_alpha:
        return "webp" if header.format == "avif" else "png"
    return "jpeg"


def _encode(image: pyvips.Image, target: Path, format: str, quality: int) -> EncodedImage:
    """Write an image without its metadata."""
    path = str(target)
    try:
        if format == "webp":
            image.webpsave(path, Q=quality, effort=_WEBP_EFFORT, keep="none")
        elif format == "png":
            image.pngsave(path, keep="none")
        elif format == "avif":
            image.heifsave(path, Q=quality, compression="av1", effort=_AVIF_EFFORT, keep="none")
        elif format == "gif":
            image.gifsave(path, effort=1, keep="none")
        else:
            flat = image.flatten(background=[255, 255, 255]) if image.hasalpha() else image
            flat.jpegsave(path, Q=quality, optimize_coding=True, keep="none")
    except pyvips.Error:
        raise ImageRefusedError(f"The image cannot be written as {format}.") from None
    height = image.get_page_height()
    return EncodedImage(f"image/{format}", image.width, height, target.stat().st_size)
