"""Images: decoded, shrunk and encoded again by libvips, in processes of their own.

Whatever decodes foreign bytes may crash, hang or be taken over, so it runs in a process without secrets and with
limits on memory and time. Only `image_process`, `rendering`, `loading` and `placeholder` import libvips, and only
that process imports them.

Modules:
    image_pool     runs operations in processes, replaces the processes that crash or hang
    image_process  the process: applies the limits, then answers requests until its input ends
    loading        reads the header of an image, refuses what is too large, decodes the rest once
    operations     operations and results as values, their JSON form, and the errors
    placeholder    a dominant colour and a blur hash, to show until an image is loaded
    rendering      main picture and thumbnails, avatars, transforms
"""

from monynha.infra.images.image_pool import ImagePool, ImagePoolOptions
from monynha.infra.images.operations import (
    AvatarOperation,
    EncodedImage,
    ImageLimits,
    ImageProcessError,
    ImageRefusedError,
    OutputFormat,
    Placeholder,
    RenderedImage,
    RenderOperation,
    ResizeMode,
    TransformOperation,
)

__all__ = [
    "AvatarOperation",
    "EncodedImage",
    "ImageLimits",
    "ImagePool",
    "ImagePoolOptions",
    "ImageProcessError",
    "ImageRefusedError",
    "OutputFormat",
    "Placeholder",
    "RenderOperation",
    "RenderedImage",
    "ResizeMode",
    "TransformOperation",
]
