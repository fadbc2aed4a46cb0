"""Errors as GraphQL tells them: message, place and path, and REST's code beside them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from graphql import GraphQLError

from monynha.core.errors import AppError, BadRequestError, ValidationFailedError

ResponsePath = tuple[str | int, ...]


class RequestError(Exception):
    """The request is not executed: all that stands against it, told at once."""

    def __init__(self, errors: Sequence[dict[str, Any]]) -> None:
        self.errors = list(errors)
        super().__init__("refused")

    @classmethod
    def from_error(cls, error: AppError, path: ResponsePath = ()) -> RequestError:
        """Return the refusal for one of our own errors."""
        return cls([format_error(error, path)])


class PersistedQueryNotFoundError(BadRequestError):
    """PersistedQueryNotFound"""

    code = "PERSISTED_QUERY_NOT_FOUND"


def format_error(error: AppError, path: ResponsePath = (), request_id: str | None = None) -> dict[str, Any]:
    """Return one of our own errors as an entry of `errors`."""
    extensions: dict[str, Any] = {"code": error.code}
    if error.details:
        extensions["details"] = error.details
    if request_id is not None:
        extensions["requestId"] = request_id
    entry: dict[str, Any] = {"message": error.message}
    if path:
        entry["path"] = list(path)
    return {**entry, "extensions": extensions}


def document_error(errors: Iterable[GraphQLError]) -> RequestError:
    """Return the refusal of a document that is not GraphQL, or not of this schema."""
    return RequestError([_format_graphql_error(error, BadRequestError.code) for error in errors])


def variables_error(errors: Iterable[GraphQLError]) -> RequestError:
    """Return the refusal of variables that are not what the document says they are."""
    return RequestError([_format_graphql_error(error, ValidationFailedError.code) for error in errors])


def _format_graphql_error(error: GraphQLError, code: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"message": error.message[:1000]}
    if error.locations:
        entry["locations"] = [{"line": one.line, "column": one.column} for one in error.locations]
    return {**entry, "extensions": {"code": code}}


def encode_response(errors: Sequence[dict[str, Any]], data: bytes | None = None) -> bytes:
    """Return the whole answer; without data where nothing was executed."""
    encoded_errors = orjson.dumps(list(errors), default=str)
    return b'{"errors":' + encoded_errors + (b"}" if data is None else b',"data":' + data + b"}")
