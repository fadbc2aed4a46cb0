"""Runs image operations in processes, and replaces the processes that crash or hang."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import orjson

from monynha.infra.images.operations import (
    AvatarOperation,
    EncodedImage,
    ImageLimits,
    ImageProcessError,
    ImageRefusedError,
    Operation,
    RenderedImage,
    RenderOperation,
    TransformOperation,
    decode_result,
    encode_operation,
)

_MODULE = "monynha.infra.images.image_process"
_MAX_ANSWER_BYTES = 64 * 1024
_INHERITED_VARIABLES = ("PATH", "PYTHONPATH", "LANG", "TMPDIR")
"""All that the process gets of the environment: no secret is among them."""

T = TypeVar("T")


@dataclass(frozen=True)
class ImagePoolOptions:
    """How many processes there are and how long each one lives."""

    limits: ImageLimits = field(default_factory=ImageLimits)
    processes: int = 1
    operations_per_process: int = 200
    """A process that has done so many is replaced, so that no leak grows."""
    idle_seconds: float = 60.0
    """A process that has had nothing to do for so long ends; the next operation starts another."""


@dataclass(eq=False)
class _ImageProcess:
    """A running process and what it has done."""

    process: Process
    operations: int = 0
    idle_timer: asyncio.TimerHandle | None = None


class ImagePool:
    """Runs image operations, each in one of a few processes; they start when the first operation comes."""

    def __init__(self, options: ImagePoolOptions | None = None) -> None:
        """Start nothing yet."""
        self._options = options or ImagePoolOptions()
        self._slots = asyncio.Semaphore(self._options.processes)
        self._idle: list[_ImageProcess] = []
        self._endings: set[asyncio.Task[None]] = set()

    async def render(self, source: Path, folder: Path) -> RenderedImage:
        """Write main picture and thumbnails of an image into a folder as `main`, `100`, `300` and `600`.

        This and the other operations raise ImageRefusedError for an image that cannot be processed, and
        ImageProcessError if the process crashed or exceeded its limits, which another attempt may not.
        """
        return await self._run(RenderOperation(str(source), str(folder)), RenderedImage)

    async def crop_avatar(self, source: Path, target: Path) -> EncodedImage:
        """Write the largest square in the middle of an image to a file, as WebP of at most 512 pixels."""
        return await self._run(AvatarOperation(str(source), str(target)), EncodedImage)

    async def transform(self, operation: TransformOperation) -> EncodedImage:
        """Resize an image as a client requests it."""
        return await self._run(operation, EncodedImage)

    async def close(self) -> None:
        """End all processes."""
        while self._idle:
            self._end(self._idle.pop())
        if self._endings:
            await asyncio.wait(self._endings)

    async def _run(self, operation: Operation, result_type: type[T]) -> T:
        async with self._slots:
            image_process = await self._take_process()
            is_reusable = False
            try:
                answer = await self._ask(image_process.process, encode_operation(operation))
                with suppress(ImageRefusedError):
                    decode_result(answer, result_type)
                is_reusable = True
            finally:
                # A cancelled operation is still being executed: its process is ended with it.
                self._give_back(image_process, is_reusable)
        return decode_result(answer, result_type)

    async def _ask(self, process: Process, request: bytes) -> bytes:
        # Both are pipes, as `_start_process` asks.
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._options.limits.wall_seconds):
                process.stdin.write(request)
                await process.stdin.drain()
                answer = await process.stdout.readline()
        except TimeoutError:
            raise ImageProcessError("Processing the image took too long.") from None
        except (OSError, ValueError) as error:
            # The process is gone, or its answer is longer than any of ours.
            raise ImageProcessError("Processing the image failed.") from error
        if not answer.endswith(b"\n"):
            raise ImageProcessError("Processing the image took too much time or memory.")
        return answer

    async def _take_process(self) -> _ImageProcess:
        while self._idle:
            image_process = self._idle.pop()
            if image_process.idle_timer is not None:
                image_process.idle_timer.cancel()
            if image_process.process.returncode is None:
                return image_process
        return _ImageProcess(await self._start_process())

    async def _start_process(self) -> Process:
        environment = {name: os.environ[name] for name in _INHERITED_VARIABLES if name in os.environ}
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            orjson.dumps(asdict(self._options.limits)).decode(),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={**environment, "VIPS_CONCURRENCY": "1"},
            limit=_MAX_ANSWER_BYTES,
        )

    def _give_back(self, image_process: _ImageProcess, is_reusable: bool) -> None:
        image_process.operations += 1
        if not is_reusable or image_process.operations >= self._options.operations_per_process:
            self._end(image_process)
            return
        loop = asyncio.get_running_loop()
        image_process.idle_timer = loop.call_later(self._options.idle_seconds, self._end_idle, image_process)
        self._idle.append(image_process)

    def _end_idle(self, image_process: _ImageProcess) -> None:
        self._idle.remove(image_process)
        self._end(image_process)

    def _end(self, image_process: _ImageProcess) -> None:
        if image_process.idle_timer is not None:
            image_process.idle_timer.cancel()
        ending = asyncio.create_task(_kill(image_process.process))
        self._endings.add(ending)
        ending.add_done_callback(self._endings.discard)


async def _kill(process: Process) -> None:
    """End a process, which has nothing to lose: what it writes counts only once it has answered."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.communicate()
