"""Errors as GraphQL tells them: message, place and path, and REST's code beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from graphql import GraphQLError

from monynha.core.errors import BadRequest, Fault, Invalid

Path = tuple[str | int, ...]


class Refused(Exception):
    """The request is not executed: all that stands against it, told at once."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = list(errors)
        super().__init__("refused")

    @classmethod
    def for_fault(cls, fault: Fault, path: Path = ()) -> Refused:
        """Return the refusal for one of our own errors."""
        return cls([told(fault, path)])


class PersistedQueryNotFound(BadRequest):
    """PersistedQueryNotFound"""

    code = "PERSISTED_QUERY_NOT_FOUND"


def told(fault: Fault, path: Path = (), request_id: str | None = None) -> dict[str, Any]:
    """Return one of our own errors as an entry of `errors`."""
    extensions: dict[str, Any] = {"code": fault.code}
    if fault.details:
        extensions["details"] = fault.details
    if request_id is not None:
        extensions["requestId"] = request_id
    error: dict[str, Any] = {"message": fault.message}
    if path:
        error["path"] = list(path)
    return {**error, "extensions": extensions}


def refused_document(errors: Iterable[GraphQLError]) -> Refused:
    """Return the refusal of a document that is not GraphQL, or not of this schema."""
    return Refused([_entry(error, BadRequest.code) for error in errors])


def refused_variables(errors: Iterable[GraphQLError]) -> Refused:
    """Return the refusal of variables that are not what the document says they are."""
    return Refused([_entry(error, Invalid.code) for error in errors])


def _entry(error: GraphQLError, code: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": error.message[:1000]}
    if error.locations:
        entry["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    return {**entry, "extensions": {"code": code}}


def body_of(errors: Sequence[dict[str, Any]], data: bytes | None = None) -> bytes:
    """Return the whole answer; without data where nothing was executed."""
    listed = orjson.dumps(list(errors), default=str)
    return b'{"errors":' + listed + (b"}" if data is None else b',"data":' + data + b"}")
