"""Images in another size or format, rendered on demand and kept in the object store.

What was rendered is stored beside the body, in the folder of its version: it is valid as long as the body, and deleted
with it. Requests for the same rendering at the same time wait for one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from monynha.domains.storage.bodies import body_key, renderings_folder
from monynha.domains.storage.errors import UnsupportedImageError
from monynha.domains.storage.objects import StoredObject
from monynha.infra.images import (
    ImagePool,
    ImageProcessError,
    ImageRefusedError,
    OutputFormat,
    ResizeMode,
    TransformOperation,
)
from monynha.infra.storage import ObjectExistsError, ObjectMissingError, ObjectStore

MAX_SIDE = 2000
DEFAULT_QUALITY = 80
_MAX_SOURCE_BYTES = 50 * 1024 * 1024
_RESIZING_TYPES: dict[ResizeMode, str] = {"cover": "fill", "contain": "fit", "fill": "force"}
_SIGNATURES = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp", b"GIF8": "image/gif"}


@dataclass(frozen=True, slots=True)
class Transformation:
    """A size, how the image fills it, a quality and a format."""

    width: int | None = None
    height: int | None = None
    resize: ResizeMode = "cover"
    quality: int = DEFAULT_QUALITY
    format: OutputFormat = "origin"

    def describe(self) -> str:
        """Return the transformation in the words of Supabase Storage, for the header X-Transformations."""
        words = []
        if self.height is not None:
            words.append(f"height:{self.height}")
        if self.width is not None:
            words.append(f"width:{self.width}")
        if words:
            words.append(f"resizing_type:{_RESIZING_TYPES[self.resize]}")
        if self.quality != DEFAULT_QUALITY:
            words.append(f"quality:{self.quality}")
        if self.format != "origin":
            words.append(f"format:{self.format}")
        return ",".join(words)

    @property
    def digest(self) -> str:
        """The name of what is rendered."""
        text = f"{self.width} {self.height} {self.resize} {self.quality} {self.format}"
        return sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True)
class ImageRenderer:
    """Renders images of objects."""

    store: ObjectStore
    images: ImagePool
    _running: dict[str, asyncio.Task[bytes]] = field(default_factory=dict)

    async def render(self, stored: StoredObject, transformation: Transformation) -> bytes:
        """Return the rendered image.

        Raises UnsupportedImageError for a body that is no image or too large to render, ObjectMissingError for a body
        that is gone.
        """
        key = f"{renderings_folder(stored.version)}{transformation.digest}"
        try:
            return await self.store.read(key)
        except ObjectMissingError:
            pass
        task = self._running.get(key)
        if task is None:
            task = asyncio.create_task(self._render(stored, transformation, key))
            self._running[key] = task
            task.add_done_callback(lambda _: self._running.pop(key, None))
        # A client that leaves does not end what others wait for.
        return await asyncio.shield(task)

    async def _render(self, stored: StoredObject, transformation: Transformation, key: str) -> bytes:
        if stored.size > _MAX_SOURCE_BYTES:
            raise UnsupportedImageError("The source image file is too large to process")
        with TemporaryDirectory(prefix="monynha-render-") as folder:
            source, target = Path(folder, "source"), Path(folder, "target")
            await asyncio.to_thread(source.touch)
            async for chunk in self.store.stream(body_key(stored.version), 0, stored.size):
                await asyncio.to_thread(_append, source, chunk)
            operation = TransformOperation(
                str(source),
                str(target),
                transformation.width,
                transformation.height,
                transformation.resize,
                transformation.quality,
                transformation.format,
            )
            try:
                await self.images.transform(operation)
            except (ImageRefusedError, ImageProcessError):
                raise UnsupportedImageError() from None
            rendered = await asyncio.to_thread(target.read_bytes)
        try:
            await self.store.put(key, rendered)
        except ObjectExistsError:
            # Another process was faster.
            return rendered
        return rendered


def _append(path: Path, chunk: bytes | bytearray) -> None:
    with path.open("ab") as file:
        file.write(chunk)


def image_type(image: bytes) -> str:
    """Return the media type of what was rendered, by its first bytes."""
    for signature, content_type in _SIGNATURES.items():
        if image.startswith(signature):
            return content_type
    return "image/avif"
