"""Request context: where the request that is being handled comes from, for whatever records it.

The HTTP application sets it once for each request and WebSocket, as a source from which the values are read only if
somebody asks, since most requests record nothing. A task that a request starts inherits it.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Protocol

from monynha.core.actor import Actor

MAX_USER_AGENT_LENGTH = 500


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Client IP, user agent (short and without NUL), id and actor of a request; texts are empty where unknown."""

    ip: str = ""
    user_agent: str = ""
    request_id: str = ""
    actor: Actor | None = None
    """Whose credentials were accepted, if any were looked at so far."""


class RequestSource(Protocol):
    """What knows the context of a request: `protocols.http.request.Request`, and WebSockets likewise."""

    @property
    def is_read(self) -> bool:
        """Whether its method is one that changes nothing (GET, HEAD)."""

    def context(self) -> RequestContext:
        """Return the context."""


_current_source: ContextVar[RequestSource | None] = ContextVar("request_source", default=None)

set_request_source = _current_source.set
"""Make a request the current one of this task, and return what ends that; it takes 50 ns, so every request does."""
reset_request_source = _current_source.reset
"""Make the request before the current one again."""


def current_request() -> RequestContext | None:
    """Return the context of the request that is being handled; None for a job, a schedule or a command."""
    source = _current_source.get()
    return None if source is None else source.context()


def current_write() -> RequestContext | None:
    """Return the context of the current request if it may change something; for what each transaction would pay."""
    source = _current_source.get()
    return None if source is None or source.is_read else source.context()


def stored_user_agent(header: str | None) -> str:
    """Return a user agent as PostgreSQL can store it."""
    return (header or "")[:MAX_USER_AGENT_LENGTH].replace("\x00", "")
