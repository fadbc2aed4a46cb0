"""After a commit: wakes the hubs of all processes, many commits at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from secrets import token_hex

from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub, parse_written_streams

Publish = Callable[[bytes], None]
_BATCH_WINDOW_S = 0.005
"""How long commits are gathered before the other processes are told: each telling is a round trip for all."""


class CommitNotifier:
    """Tells which streams were written to: its own hub at once, the others through `publish`."""

    def __init__(self, publish: Publish, hub: Hub) -> None:
        self._publish = publish
        self._hub = hub
        self._pending: dict[str, None] = {}
        self._process_id = token_hex(8)

    def on_commit(self, written: str) -> None:
        """Take what a committed transaction told; the database calls this."""
        self._hub.notify(parse_written_streams(written))
        if not self._pending:
            asyncio.get_running_loop().call_later(_BATCH_WINDOW_S, self._flush)
        for entry in written.split(","):
            self._pending[entry.rpartition(" ")[0]] = None

    def on_published(self, published: bytes) -> None:
        """Take what a process published; our own hub was woken before we did."""
        process_id, _, written = published.decode().partition("\n")
        if process_id != self._process_id:
            self._hub.notify(_parse_streams(written))

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        self._publish(f"{self._process_id}\n{','.join(pending)}".encode())


def _parse_streams(written: str) -> list[Stream]:
    return parse_written_streams(",".join(f"{one} 0" for one in written.split(",")))
