"""Read the fields of a client's `/ws` message."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from monynha.core.errors import BadRequestError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import parse_uuid


def parse_token(body: Mapping[str, object]) -> str:
    """Return the access token of an `auth` message; UnauthenticatedError without one."""
    token = body.get("token")
    if not isinstance(token, str):
        raise UnauthenticatedError()
    return token


def parse_id(body: Mapping[str, object], name: str) -> UUID:
    """Return the id at a key; BadRequestError if it is missing, NotFoundError if it is not a UUID."""
    value = body.get(name)
    if value is None:
        raise BadRequestError(f"{name} is required.", details={name: "is required"})
    parsed_id = parse_uuid(value) if isinstance(value, str) else None
    if parsed_id is None:
        raise NotFoundError.for_name(name.removesuffix("Id"))
    return parsed_id


def parse_version(body: Mapping[str, object]) -> int:
    """Return the stream version from which a client resumes; BadRequestError if it is not one."""
    version = body.get("version")
    # `type` and not isinstance: a bool is an int.
    if type(version) is not int or not 0 <= version < 2**63:
        problem = "must be a whole number from 0 on"
        raise BadRequestError(f"version {problem}.", details={"version": problem})
    return version
