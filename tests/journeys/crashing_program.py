"""The program, which kills itself at a step: `python -m tests.journeys.crashing_program STEP`."""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from monynha.app import cli
from monynha.domains.storage.bodies import BodyCollector
from monynha.domains.storage.object_repository import ObjectRepository
from monynha.infra.storage import local_store


def kill_at(step: str) -> None:
    """Let the program kill itself when it reaches a step."""
    if step == "in the body":
        write = local_store._write

        def write_half(descriptor: int, data: bytes | bytearray) -> None:
            write(descriptor, bytes(data)[: len(data) // 2])
            os.kill(os.getpid(), signal.SIGKILL)

        local_store._write = write_half
    elif step == "before the body is deleted":

        async def die(*_: Any) -> None:
            os.kill(os.getpid(), signal.SIGKILL)

        BodyCollector.delete = die  # type: ignore[method-assign, assignment]
    else:
        insert = ObjectRepository.insert

        async def insert_and_die(self: ObjectRepository, *arguments: Any, **options: Any) -> str:
            if step == "after the row":
                await insert(self, *arguments, **options)
            os.kill(os.getpid(), signal.SIGKILL)
            raise AssertionError

        ObjectRepository.insert = insert_and_die  # type: ignore[method-assign]


if __name__ == "__main__":
    kill_at(sys.argv[1])
    sys.argv[1:] = ["serve"]
    cli.main()
