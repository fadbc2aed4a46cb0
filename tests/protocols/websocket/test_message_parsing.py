"""The fields of a client's `/ws` message."""

from __future__ import annotations

from uuid import UUID

import pytest

from monynha.core.errors import AppError, BadRequestError, NotFoundError, UnauthenticatedError
from monynha.protocols.websocket.message_parsing import parse_id, parse_token, parse_version

ID = UUID(int=1)


def test_valid_fields_are_returned() -> None:
    assert parse_token({"token": "t"}) == "t"
    assert parse_id({"taskId": str(ID)}, "taskId") == ID
    assert [parse_version({"version": version}) for version in (0, 2**63 - 1)] == [0, 2**63 - 1]


@pytest.mark.parametrize("body", [{}, {"token": 5}, {"token": None}])
def test_message_without_a_token_is_unauthenticated(body: dict[str, object]) -> None:
    with pytest.raises(UnauthenticatedError):
        parse_token(body)


@pytest.mark.parametrize(
    ("value", "error"), [(None, BadRequestError), ("x", NotFoundError), (5, NotFoundError), (ID.hex, NotFoundError)]
)
def test_id_that_is_no_uuid_names_nothing(value: object, error: type[AppError]) -> None:
    with pytest.raises(error):
        parse_id({"taskId": value}, "taskId")


@pytest.mark.parametrize("version", [None, -1, 2**63, 1.0, True, "1"])
def test_version_must_be_a_whole_number(version: object) -> None:
    with pytest.raises(BadRequestError, match="version must be a whole number"):
        parse_version({"version": version})
