"""The log line of a request: the same fields from the fast encoder as from structlog, whatever a client sends."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from monynha.core.actor import Actor, ActorKind
from monynha.core.logs import EventLog
from monynha.protocols.http.request import Header, HttpScope, Request, RequestMessage
from monynha.protocols.http.request_log import RequestLog
from monynha.protocols.http.response import Response

USER_ID = UUID("00000000-0000-4000-8000-000000000001")


async def receive() -> RequestMessage:
    return {"type": "http.disconnect"}


def make_request(path: str, query_string: bytes = b"", headers: Sequence[Header] = ()) -> Request:
    scope: HttpScope = {
        "type": "http",
        "asgi": {},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": b"/",
        "query_string": query_string,
        "headers": headers,
        "client": None,
    }
    return Request(scope, receive, client_ip="2001:db8::7", id="mine")


def log_line(request: Request, status: int = 200) -> dict[str, Any]:
    """Return the only line that is logged, parsed."""
    lines: list[bytes] = []
    RequestLog(EventLog(lines.append)).log(request, Response(status), 0.0012345)
    assert len(lines) == 1
    assert lines[0].endswith(b"\n")
    assert lines[0].count(b"\n") == 1
    line: dict[str, Any] = json.loads(lines[0])
    return line


@pytest.mark.parametrize("failure", [None, ValueError()])
def test_a_secret_in_a_path_is_not_logged(failure: BaseException | None) -> None:
    secret = "inv_" + "A-z_0123456789" * 3
    request = make_request(f"/api/v1/invitations/{secret}/accept/{secret}")
    request.failure = failure

    line = log_line(request, 500 if failure else 404)

    assert line["path"] == "/api/v1/invitations/[secret]/accept/[secret]"


def test_line_has_all_fields() -> None:
    request = make_request("/api/v1/tasks", b"q=secret&limit=5", [(b"user-agent", b"a browser")])
    request.actor = Actor(ActorKind.USER, USER_ID)
    before = datetime.now(UTC)

    line = log_line(request, 404)

    logged_at = datetime.fromisoformat(line.pop("time"))
    assert before.replace(microsecond=0) <= logged_at <= datetime.now(UTC)
    assert line == {
        "event": "request",
        "method": "GET",
        "path": "/api/v1/tasks",
        "query": ["q", "limit"],
        "status": 404,
        "duration": pytest.approx(1.2345, abs=0.001),
        "ip": "2001:db8::7",
        "userAgent": "a browser",
        "userId": str(USER_ID),
        "requestId": "mine",
        "level": "info",
    }


@pytest.mark.parametrize("text", ['"', "\\", '","level":"error', "\x00\x1b[31m", "\r\n{}", "\u2028", "\ufffd", "ü"])
def test_what_a_client_sends_cannot_change_the_line(text: str) -> None:
    user_agent = text.encode("latin-1", "replace")
    line = log_line(make_request(f"/{text}", user_agent + b"=1", [(b"user-agent", user_agent)]))

    assert (line["path"], line["level"]) == (f"/{text}", "info")
    assert line["userAgent"] == user_agent.decode("latin-1")
    assert line["query"] == [user_agent.decode("latin-1")]


def test_line_of_a_failure_says_what_failed_and_no_message_of_a_driver() -> None:
    request = make_request("/api/v1/tasks")
    request.failure = RuntimeError("a row's value")

    line = log_line(request, 500)

    assert (line["level"], line["status"]) == ("error", 500)
    assert line["err"] == {"type": "RuntimeError", "message": "", "stack": []}


def test_times_of_lines_never_go_back() -> None:
    lines: list[bytes] = []
    request_log = RequestLog(EventLog(lines.append))
    for _ in range(2000):
        request_log.log(make_request("/"), Response(200), 0)

    times = [json.loads(line)["time"] for line in lines]

    assert times == sorted(times)
    assert {len(time) for time in times} == {len("2026-11-27T13:52:31.734149Z")}
