"""The image process: applies the limits to itself, then answers each line with a line until its input ends.

Started by `image_pool` as `python -m monynha.infra.images.image_process LIMITS`, with an almost empty environment.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from collections.abc import Iterable
from typing import BinaryIO

import orjson

from monynha.infra.images.loading import configure_libvips
from monynha.infra.images.operations import (
    ImageLimits,
    ImageRefusedError,
    decode_operation,
    encode_refusal,
    encode_result,
)
from monynha.infra.images.rendering import execute

_NICENESS = 15
"""Requests have priority: an image may wait a second, somebody who looks at a board may not."""
_MAX_OUTPUT_BYTES = 1_000_000_000
_MAX_OPEN_FILES = 64


def main() -> None:
    """Answer the lines of standard input on standard output."""
    limits = ImageLimits(**orjson.loads(sys.argv[1]))
    configure_libvips()
    limit_process(limits)
    # What libvips or a loader prints must not be taken for an answer: their standard output is another.
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0) as answers, open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), sys.stdout.fileno())
        serve(sys.stdin.buffer, answers, limits)


def limit_process(limits: ImageLimits) -> None:
    """Give this process a low priority and limit its memory, files and output."""
    os.nice(_NICENESS)
    for limit, value in (
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, _MAX_OUTPUT_BYTES),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
        # A dump of its memory would have the picture in it.
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


def serve(requests: Iterable[bytes], answers: BinaryIO, limits: ImageLimits) -> None:
    """Answer each request.

    The timer measures CPU time, since the process waits for others; when it runs out, its signal ends the process.
    Where memory runs out inside libvips, the process ends, too; elsewhere Python raises MemoryError.
    """
    for request in requests:
        signal.setitimer(signal.ITIMER_PROF, limits.cpu_seconds)
        try:
            answer = encode_result(execute(decode_operation(request), limits))
        except ImageRefusedError as refusal:
            answer = encode_refusal(refusal)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(answer)


if __name__ == "__main__":
    main()
