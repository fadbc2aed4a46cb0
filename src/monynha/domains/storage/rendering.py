"""Images in another size or format, rendered on demand and kept in the object store.

What was rendered is stored beside the body, in the folder of its version: it is valid as long as the body, and deleted
with it. Requests for the same rendering at the same time wait for one.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from monynha.core.errors import UnavailableError
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
_MAX_RENDERED_AT_ONCE = 2
"""Each of them has its source in a temporary file."""
_MAX_WAITING = 64
_MAX_KEPT = 50
"""How many renderings of a body are kept: anybody may ask for another width each time."""
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
    _slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_MAX_RENDERED_AT_ONCE))

    async def render(self, stored: StoredObject, transformation: Transformation) -> bytes:
        """Return the rendered image.

        Raises UnsupportedImageError for a body that is no image or too large to render, ObjectMissingError for a body
        that is gone, UnavailableError if too many wait already.
        """
        key = f"{renderings_folder(stored.version)}{transformation.digest}"
        try:
            return await self.store.read(key)
        except ObjectMissingError:
            pass
        task = self._running.get(key)
        if task is None:
            if len(self._running) >= _MAX_WAITING:
                raise UnavailableError("Too many images are being rendered, please try again.")
            task = asyncio.create_task(self._render_in_turn(stored, transformation, key))
            self._running[key] = task
            task.add_done_callback(lambda done: self._forget(key, done))
        # A client that leaves does not end what others wait for.
        return await asyncio.shield(task)

    def _forget(self, key: str, task: asyncio.Task[bytes]) -> None:
        del self._running[key]
        if not task.cancelled():
            # Retrieved here, because all clients may have left.
            task.exception()

    async def _render_in_turn(self, stored: StoredObject, transformation: Transformation, key: str) -> bytes:
        if stored.size > _MAX_SOURCE_BYTES:
            raise UnsupportedImageError("The source image file is too large to process")
        async with self._slots:
            rendered = await self._render(stored, transformation)
        folder = renderings_folder(stored.version)
        kept = [info async for info in self.store.list_objects(folder)]
        if len(kept) < _MAX_KEPT:
            # Another process may have been faster.
            with suppress(ObjectExistsError):
                await self.store.put(key, rendered)
        return rendered

    async def _render(self, stored: StoredObject, transformation: Transformation) -> bytes:
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
            return await asyncio.to_thread(target.read_bytes)


def _append(path: Path, chunk: bytes | bytearray) -> None:
    with path.open("ab") as file:
        file.write(chunk)


def image_type(image: bytes) -> str:
    """Return the media type of what was rendered, by its first bytes."""
    for signature, content_type in _SIGNATURES.items():
        if image.startswith(signature):
            return content_type
    return "image/avif"
