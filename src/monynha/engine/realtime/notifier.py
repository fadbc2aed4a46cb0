"""After a commit: wakes the hubs of all processes, many commits at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from secrets import token_hex
from uuid import UUID

from monynha.engine.realtime.event_log import Stream
from monynha.engine.realtime.hub import Hub
from monynha.infra.postgres.stream_version import StreamVersion

Publish = Callable[[bytes], None]
_BATCH_WINDOW_S = 0.005
"""How long commits are gathered before the other processes are told: each telling is a round trip for all."""


class CommitNotifier:
    """Tells which streams were written to: its own hub at once, the others through `publish`."""

    def __init__(self, publish: Publish, hub: Hub) -> None:
        self._publish = publish
        self._hub = hub
        self._pending: dict[Stream, None] = {}
        self._process_id = token_hex(8)

    def on_commit(self, written: Sequence[StreamVersion]) -> None:
        """Take what a committed transaction told; the database calls this."""
        streams = dict.fromkeys(Stream(version.kind, version.id) for version in written)
        self._hub.notify(streams)
        if not self._pending:
            asyncio.get_running_loop().call_later(_BATCH_WINDOW_S, self._flush)
        self._pending |= streams

    def on_published(self, published: bytes) -> None:
        """Take what a process published; our own hub was woken before we did."""
        process_id, _, written = published.decode().partition("\n")
        if process_id != self._process_id:
            self._hub.notify(_parse_streams(written))

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        written = ",".join(f"{stream.kind} {stream.id}" for stream in pending)
        self._publish(f"{self._process_id}\n{written}".encode())


def _parse_streams(written: str) -> list[Stream]:
    entries = (entry.split(" ") for entry in written.split(","))
    return [Stream(kind, UUID(id)) for kind, id in entries]
