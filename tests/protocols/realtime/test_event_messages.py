"""Events and errors as JSON messages."""

from __future__ import annotations

from uuid import UUID

import orjson
import pytest

from monynha.app.composition.catalog import CATALOG, EPHEMERAL_EVENTS
from monynha.core.errors import BadRequestError
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event, Stream
from monynha.protocols.http.server.ws_frames import encode_frame
from monynha.protocols.realtime.event_messages import (
    ephemeral_message,
    error_message,
    event_frame,
    event_message,
    serialize_row,
)

TASK_ID, PROJECT_ID, USER_ID = UUID(int=1), UUID(int=2), UUID(int=3)
PROJECT_STREAM = Stream("project", PROJECT_ID)
ROW: dict[str, object] = {"id": str(TASK_ID), "title": "Write", "created_at": "2026-01-31T09:00:00+00:00"}


def make_event(verb: str = "update", stream: Stream = PROJECT_STREAM, resource: str = "tasks") -> Event:
    """Return an event of a task."""
    return Event(stream, 7, resource, verb, TASK_ID, ROW, None, USER_ID, "2026-01-31T09:00:00.5+00:00")


def test_message_names_the_row_its_stream_and_the_user() -> None:
    assert orjson.loads(event_message(CATALOG, make_event())) == {
        "type": "task_updated",
        "projectId": str(PROJECT_ID),
        "taskId": str(TASK_ID),
        "task": {"id": str(TASK_ID), "title": "Write", "createdAt": "2026-01-31T09:00:00.000000Z"},
        "userId": str(USER_ID),
        "version": 7,
        "timestamp": 1_769_850_000_500,
    }


@pytest.mark.parametrize(("verb", "type"), [("insert", "task_created"), ("delete", "task_deleted")])
def test_type_says_what_happened(verb: str, type: str) -> None:
    assert orjson.loads(event_message(CATALOG, make_event(verb)))["type"] == type


def test_message_of_the_global_stream_has_no_stream_id() -> None:
    event = make_event(stream=Stream("post", GLOBAL_STREAM_ID), resource="posts")

    assert orjson.loads(event_message(CATALOG, event)).keys() == {
        *("type", "postId", "post", "userId", "version", "timestamp")
    }


def test_frame_is_encoded_once_for_all_subscribers() -> None:
    event = make_event()

    assert event_frame(CATALOG, event) is event_frame(CATALOG, event)
    assert event_frame(CATALOG, event) == encode_frame(event_message(CATALOG, event))


def test_row_is_serialized_as_rest_shows_it() -> None:
    row: dict[str, object] = {"due_date": None, "unknown": 1, "tags": ["a"]}

    assert serialize_row(CATALOG.resources["tasks"], row) == {"dueDate": None, "tags": ["a"]}


def test_ephemeral_event_names_its_stream_and_its_sender() -> None:
    [cursor] = EPHEMERAL_EVENTS
    message = ephemeral_message(cursor, PROJECT_STREAM, USER_ID, {"x": 1}, sent_at=1.5)

    assert orjson.loads(message) == {
        "type": "cursor_update",
        "userId": str(USER_ID),
        "projectId": str(PROJECT_ID),
        "position": {"x": 1},
        "timestamp": 1_500,
    }


def test_error_has_its_code_its_message_and_its_details() -> None:
    error = BadRequestError("type is required.", details={"type": "is required"})

    assert orjson.loads(error_message(error, ref="r1")) == {
        "type": "error",
        "code": "BAD_REQUEST",
        "message": "type is required.",
        "ref": "r1",
        "details": {"type": "is required"},
    }
