"""The log line of a request.

A line of JSON is formatted as one text, without a dictionary and its serialization: every request has one. A failed
request, and a log that people read, take the way of all other events.
"""

from __future__ import annotations

import re
import time
import traceback
from dataclasses import dataclass, field

import orjson

from monynha.core.errors import AppError
from monynha.core.logs import EventLog
from monynha.infra.postgres.errors import ConstraintViolationError, RetryTransactionError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response

_SECRET_IN_PATH = re.compile(r"\binv_[A-Za-z0-9_-]{8,}")
"""Secrets that paths may hold have a prefix by which they are recognized, wherever they stand."""


class _Clock:
    """Formats the current time (RFC 3339, UTC, microseconds); the part up to the second is formatted once."""

    __slots__ = ("_prefix", "_second")

    def __init__(self) -> None:
        self._second = -1
        self._prefix = ""

    def __call__(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        # Padding to six digits this way takes a quarter of the time of a format specification.
        return f"{self._prefix}.{str(int((now - second) * 1_000_000) + 1_000_000)[1:]}Z"


@dataclass(frozen=True)
class RequestLog:
    """Logs requests."""

    event_log: EventLog
    _format_now: _Clock = field(default_factory=_Clock)

    def log(self, request: Request, response: Response, duration_s: float) -> None:
        """Log a request and the status of its response."""
        write_line = self.event_log.write_line
        if request.failure or write_line is None:
            level = "error" if request.failure else "info"
            self.event_log.log(level, _request_event(request, response, duration_s))
        else:
            write_line(self._render_line(request, response, duration_s))

    def _render_line(self, request: Request, response: Response, duration_s: float) -> bytes:
        """Return `_request_event` as a line of JSON. Methods and ids are of characters that need no escape."""
        query_string, user_agent = request.scope["query_string"], request.header(b"user-agent")
        names = _json(_parameter_names(query_string)) if query_string else "[]"
        user_id = _json(request.actor.id) if request.actor else "null"
        return (
            f'{{"event":"request","method":{_json(request.method)},"path":{_json(redact_path(request.path))},"query":{names},'
            f'"status":{response.status},"duration":{duration_s * 1000:.3f},"ip":{_json(request.client_ip)},'
            f'"userAgent":{"null" if user_agent is None else _json(user_agent)},"userId":{user_id},'
            f'"requestId":"{request.id}","level":"info","time":"{self._format_now()}"}}\n'
        ).encode()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _request_event(request: Request, response: Response, duration_s: float) -> dict[str, object]:
    query_string = request.scope["query_string"]
    event: dict[str, object] = {
        "event": "request",
        "method": request.method,
        "path": redact_path(request.path),
        # Names only: values may be personal.
        "query": _parameter_names(query_string) if query_string else [],
        "status": response.status,
        "duration": round(duration_s * 1000, 3),
        "ip": request.client_ip,
        "userAgent": request.header(b"user-agent"),
        "userId": request.actor.id if request.actor else None,
        "requestId": request.id,
    }
    if request.failure:
        event["err"] = _describe_error(request.failure)
    return event


def redact_path(path: str) -> str:
    """Return a path without the secrets in it."""
    return _SECRET_IN_PATH.sub("[secret]", path) if "inv_" in path else path


def _parameter_names(query_string: bytes) -> list[str]:
    return [name.partition(b"=")[0].decode("latin-1") for name in query_string.split(b"&") if name]


def _describe_error(error: BaseException) -> dict[str, object]:
    # The message of a driver's error may quote values of a row: only messages of our own are logged.
    is_own = isinstance(error, AppError | ConstraintViolationError | RetryTransactionError)
    message = str(error) if is_own else getattr(error, "sqlstate", None) or ""
    return {"type": type(error).__name__, "message": message, "stack": package_frames(error)}


def package_frames(error: BaseException) -> list[str]:
    """Return the frames of a stack that are in this package, as `file:line in function`."""
    frames = traceback.extract_tb(error.__traceback__)
    own_frames = [frame for frame in frames if "monynha" in frame.filename]
    return [f"{frame.filename.rpartition('monynha/')[2]}:{frame.lineno} in {frame.name}" for frame in own_frames]
