"""Creates API tokens, as the user who is signed in: PostgreSQL decides whether they may."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson

from monynha.core.actor import TOKEN_SCOPES
from monynha.core.clock import Clock
from monynha.core.errors import ForbiddenError, UnauthenticatedError, ValidationFailedError
from monynha.core.serialization import parse_timestamp, parse_uuid
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.api_tokens.models import MAX_PROJECTS, tokens
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.tokens.api_tokens import ApiTokenCodec, NewApiToken
from monynha.engine.mutation.custom_body import FieldParser, parse_custom_body, raise_field_errors
from monynha.engine.mutation.validation import parse_value
from monynha.infra.postgres.database import ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.postgres.retries import with_retries

_MAX_LIFETIME = timedelta(days=3660)
_COUNT_VISIBLE_PROJECTS = "select count(*) from public.visible_project_ids() as p (id) where p.id = any ($1::uuid[])"
_INSERT = """
insert into public.api_tokens (id, name, prefix, scopes, project_ids, aal, expires_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a user asks for: the name of a token, and what it is limited to."""

    name: str
    scopes: tuple[str, ...]
    project_ids: tuple[UUID, ...] | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """A token that was created: its id, and its text, which nobody can read later."""

    id: UUID
    secret: str


@dataclass(frozen=True)
class ApiTokenCreation:
    """Creates API tokens."""

    codec: ApiTokenCodec
    repository: AccountRepository
    notices: SecurityNotices
    clock: Clock

    def parse(self, body: object) -> TokenRequest:
        """Return what a body asks for; ValidationFailedError names the fields that are not valid."""
        values, errors = parse_custom_body(tokens, body, self._parsers, optional=frozenset({"projectIds", "expiresAt"}))
        raise_field_errors(errors)
        scopes, project_ids, expires_at = values["scopes"], values.get("projectIds"), values.get("expiresAt")
        assert isinstance(scopes, tuple)  # its parser returns one
        assert project_ids is None or isinstance(project_ids, tuple)  # its parser returns one
        assert expires_at is None or isinstance(expires_at, datetime)  # its parser returns one
        return TokenRequest(str(values["name"]), scopes, project_ids, expires_at)

    async def create(self, connection: ActorConnection, request: TokenRequest) -> CreatedToken:
        """Create a token of the actor, who has signed in; ForbiddenError if they came with a limited token."""
        actor = connection.actor
        if actor.limits is not None:
            raise ForbiddenError("Sign in to manage API tokens; another token cannot.")
        if actor.id is None:
            raise ForbiddenError("An API token belongs to a user.")
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_by_id(transaction, actor.id)
        if account is None:
            raise UnauthenticatedError()
        aal = "aal2" if orjson.loads(actor.claims).get("aal") == "aal2" else "aal1"
        new_token = self.codec.create(
            actor.id,
            request.scopes,
            is_resource_limited=request.project_ids is not None,
            aal=aal,
            expires_at=None if request.expires_at is None else int(request.expires_at.timestamp()),
        )

        async def attempt(connection: ActorConnection) -> None:
            async with connection.transaction() as transaction:
                await _require_visible_projects(transaction, request.project_ids)
                await transaction.execute(_INSERT, *_row_of(new_token, request))
                await self.notices.queue(transaction, account, SecurityNotice.TOKEN_CREATED, {"name": request.name})

        try:
            await with_retries(connection, attempt)
        except ConstraintViolationError as violation:
            message = tokens.constraint_messages.get(violation.constraint)
            raise (ForbiddenError() if message is None else message.to_error()) from violation
        return CreatedToken(new_token.content.id, new_token.text)

    @property
    def _parsers(self) -> dict[str, FieldParser]:
        return {
            "name": lambda value: parse_value(tokens.fields["name"], value),
            "scopes": _parse_scopes,
            "projectIds": _parse_project_ids,
            "expiresAt": self._parse_expiry,
        }

    def _parse_expiry(self, value: object) -> datetime | None:
        if value is None:
            return None
        if not isinstance(value, str):
            raise ValueError("must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z")
        expires_at = parse_timestamp(value)
        now = self.clock()
        if expires_at <= now + timedelta(seconds=1):
            raise ValueError("must be in the future")
        if expires_at > now + _MAX_LIFETIME:
            raise ValueError("must be within ten years")
        return expires_at


def _row_of(new_token: NewApiToken, request: TokenRequest) -> tuple[object, ...]:
    """Return the values of the columns that `_INSERT` names."""
    token = new_token.content
    return (
        token.id,
        request.name,
        new_token.prefix,
        list(request.scopes),
        None if request.project_ids is None else list(map(str, request.project_ids)),
        token.aal,
        None if token.expires_at is None else datetime.fromtimestamp(token.expires_at, UTC),
    )


async def _require_visible_projects(transaction: Transaction, project_ids: tuple[UUID, ...] | None) -> None:
    """Raise ValidationFailedError if the user does not see one of the projects."""
    if project_ids and await transaction.fetch_value(_COUNT_VISIBLE_PROJECTS, list(project_ids)) != len(project_ids):
        raise ValidationFailedError.from_field_errors(
            {"projectIds": "must be ids of projects that you are a member of"}
        )


def _parse_scopes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or any(scope not in TOKEN_SCOPES for scope in value):
        raise ValueError(f"must be a list of {', '.join(TOKEN_SCOPES)}")
    return tuple(scope for scope in TOKEN_SCOPES if scope in value)


def _parse_project_ids(value: object) -> tuple[UUID, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not value:
        raise ValueError("must be a list of ids, or null for all projects")
    ids = [parse_uuid(item) if isinstance(item, str) else None for item in value]
    project_ids = tuple(dict.fromkeys(id for id in ids if id is not None))
    if None in ids:
        raise ValueError("must be a list of UUIDs")
    if len(project_ids) > MAX_PROJECTS:
        raise ValueError(f"must have at most {MAX_PROJECTS} items")
    return project_ids
