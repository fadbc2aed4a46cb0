"""Errors in GraphQL's response format: message, locations and path, with our error code in `extensions`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NotRequired, TypedDict

import orjson
from graphql import GraphQLError

from monynha.core.errors import AppError, BadRequestError, ValidationFailedError

ResponsePath = tuple[str | int, ...]


class Location(TypedDict):
    """A place in the document, counted from 1."""

    line: int
    column: int


class ErrorExtensions(TypedDict):
    """The members that we add to an error."""

    code: str
    details: NotRequired[Mapping[str, object]]
    requestId: NotRequired[str]
    stack: NotRequired[list[str]]


class ErrorEntry(TypedDict):
    """One entry of a response's `errors` (GraphQL specification, 7.1.2)."""

    message: str
    locations: NotRequired[list[Location]]
    path: NotRequired[list[str | int]]
    extensions: ErrorExtensions


class RequestError(Exception):
    """The request is not executed; `errors` lists every problem (the specification's "request error")."""

    def __init__(self, errors: Sequence[ErrorEntry]) -> None:
        self.errors = list(errors)
        super().__init__("request error")

    @classmethod
    def from_error(cls, error: AppError, path: ResponsePath = ()) -> RequestError:
        """Return the request error for one of the application's own errors."""
        return cls([format_error(error, path)])


class PersistedQueryNotFoundError(BadRequestError):
    """PersistedQueryNotFound"""

    code = "PERSISTED_QUERY_NOT_FOUND"


def format_error(error: AppError, path: ResponsePath = (), request_id: str | None = None) -> ErrorEntry:
    """Return one of the application's own errors as an entry of `errors`."""
    extensions: ErrorExtensions = {"code": error.code}
    if error.details:
        extensions["details"] = error.details
    if request_id is not None:
        extensions["requestId"] = request_id
    if path:
        return {"message": error.message, "path": list(path), "extensions": extensions}
    return {"message": error.message, "extensions": extensions}


def document_error(errors: Iterable[GraphQLError]) -> RequestError:
    """Return the error for a document that does not parse, or does not fit the schema."""
    return RequestError([_format_graphql_error(error, BadRequestError.code) for error in errors])


def variables_error(errors: Iterable[GraphQLError]) -> RequestError:
    """Return the error for variables that do not have the types which the document declares."""
    return RequestError([_format_graphql_error(error, ValidationFailedError.code) for error in errors])


def _format_graphql_error(error: GraphQLError, code: str) -> ErrorEntry:
    message = error.message[:1000]
    if not error.locations:
        return {"message": message, "extensions": {"code": code}}
    locations: list[Location] = [{"line": location.line, "column": location.column} for location in error.locations]
    return {"message": message, "locations": locations, "extensions": {"code": code}}


def encode_errors(errors: Sequence[ErrorEntry]) -> bytes:
    """Return the entries as a JSON list."""
    return orjson.dumps(list(errors), default=str)


def encode_response(errors: Sequence[ErrorEntry], data: bytes | None = None) -> bytes:
    """Return a response with errors; `data` is JSON, absent if nothing was executed."""
    tail = b"}" if data is None else b',"data":' + data + b"}"
    return b'{"errors":' + encode_errors(errors) + tail
