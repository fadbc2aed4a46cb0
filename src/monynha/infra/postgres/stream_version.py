"""The stream versions that a transaction wrote, which the event triggers report as notices."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

_NOTICE_PREFIX = "monynha:"


class StreamVersion(NamedTuple):
    """A stream that a transaction wrote to, and the version it is at now.

    `version` is None if the writer knew the stream in advance, so that the triggers did not report it.
    """

    kind: str
    id: UUID
    version: int | None


def parse_notice(message: str) -> tuple[StreamVersion, ...]:
    """Return what a notice of our triggers reports; nothing for any other notice.

    The triggers write `monynha:KIND ID VERSION,…` (`engine/realtime/triggers.py`).
    """
    if not message.startswith(_NOTICE_PREFIX):
        return ()
    entries = (entry.split(" ") for entry in message.removeprefix(_NOTICE_PREFIX).split(","))
    return tuple(StreamVersion(kind, UUID(id), int(version)) for kind, id, version in entries)
