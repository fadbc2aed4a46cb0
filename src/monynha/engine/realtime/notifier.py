"""Tell the hubs of all processes, after each commit, which streams it wrote to."""

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
"""How long streams are gathered before they are published: each message costs a round trip in every process."""


class CommitNotifier:
    """Notifies the hub of this process at once, and the others through `publish`.

    A published message is the id of this process, a line feed, and `kind id,kind id,…`.
    """

    def __init__(self, publish: Publish, hub: Hub) -> None:
        self._publish = publish
        self._hub = hub
        self._pending: dict[Stream, None] = {}
        self._process_id = token_hex(8)

    def on_commit(self, written: Sequence[StreamVersion]) -> None:
        """Receive the streams that a committed transaction wrote to; the database calls this."""
        streams = dict.fromkeys(Stream(stream.kind, stream.id) for stream in written)
        self._hub.notify(streams)
        if not self._pending:
            asyncio.get_running_loop().call_later(_BATCH_WINDOW_S, self._flush)
        self._pending |= streams

    def on_published(self, published: bytes) -> None:
        """Notify the hub of what another process published; our own messages come back too and are skipped."""
        process_id, _, names = published.decode().partition("\n")
        if process_id != self._process_id:
            pairs = (name.split(" ") for name in names.split(","))
            self._hub.notify([Stream(kind, UUID(id)) for kind, id in pairs])

    def _flush(self) -> None:
        pending, self._pending = self._pending, {}
        names = ",".join(f"{stream.kind} {stream.id}" for stream in pending)
        self._publish(f"{self._process_id}\n{names}".encode())
