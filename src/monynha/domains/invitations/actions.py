"""Actions on invitations, for REST, GraphQL and the page of the mailed link alike."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final, TypeVar
from uuid import UUID

from monynha.core.clock import Clock, utc_now
from monynha.core.errors import AppError, ConflictError, NotFoundError, ValidationFailedError
from monynha.core.hashes import hash_token
from monynha.core.serialization import parse_uuid
from monynha.domains.audit.record import record_audit_event
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.invitations.expiry import enqueue_expiry
from monynha.domains.invitations.limits import InvitationLimits
from monynha.domains.invitations.mailer import InvitationMail, InvitationMailer
from monynha.domains.invitations.models import InvitationRole, invitations
from monynha.domains.invitations.tokens import make_token
from monynha.engine.mutation.custom_body import FieldParser, parse_custom_body, raise_field_errors
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.mutations import CreatedRow, PrimaryKey, create_error, violation_error
from monynha.engine.mutation.validation import parse_value
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection, Transaction
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.postgres.retries import with_retries

LIFETIME: Final = timedelta(days=7)
"""How long an invitation can be accepted after it was sent."""
REVOKE_DESCRIPTION = "Revoke an invitation that is pending: the link in its mail ends."
RESEND_DESCRIPTION = (
    "Send an invitation again that is pending or expired: with a new link, for seven days, in the name of the caller."
)
ACCEPT_DESCRIPTION = (
    "Accept an invitation, named by the token of its mail's link or by its id, and become a member of the project. "
    "Only for the signed-in person whose confirmed address was invited."
)
DECLINE_DESCRIPTION = (
    "Decline an invitation, named by the token of its mail's link or by its id. "
    "Only for the signed-in person whose confirmed address was invited."
)
_ENDED_MESSAGES: Final = {
    "accepted": "The invitation has been accepted already.",
    "declined": "The invitation has been declined.",
    "revoked": "The invitation has been revoked.",
    "expired": "The invitation has expired; ask for a new one.",
}
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class InvitationRequest:
    """Whom to invite to which project, in which role."""

    project_id: UUID
    email: str
    role: str


@dataclass(frozen=True)
class InvitationActions:
    """Invite, revoke, send again, accept and decline; the database decides who may."""

    queries: Queries
    limits: InvitationLimits
    mailer: InvitationMailer = field(default_factory=InvitationMailer)
    clock: Clock = utc_now

    async def invite(
        self,
        connection: ActorConnection,
        request: InvitationRequest,
        *,
        locale: str | None,
        selection: Selection | None = None,
        idempotency_key: IdempotencyKey | None = None,
    ) -> CreatedRow:
        """Invite an address, and mail it a link; return what is selected of the invitation.

        Raises NotFoundError and ForbiddenError about the project, ConflictError for the address of a member or one
        that is invited already, RateLimitedError.
        """
        await self.limits.count_mail(request.email)

        async def attempt(connection: ActorConnection) -> CreatedRow:
            async with connection.transaction() as transaction:
                earlier_id = None if idempotency_key is None else await idempotency_key.claim(transaction)
                invitation_id = earlier_id or await self._create(transaction, request, locale)
                if idempotency_key is not None and earlier_id is None:
                    await idempotency_key.complete(transaction, invitation_id)
                row = await self._fetch(transaction, selection or _all_fields(), invitation_id)
                return CreatedRow((invitation_id,), row, is_replay=earlier_id is not None)

        try:
            return await with_retries(connection, attempt)
        except ConstraintViolationError as violation:
            raise await create_error(
                connection, invitations, {"project_id": request.project_id}, violation
            ) from violation

    async def resend(
        self, connection: ActorConnection, key: PrimaryKey, selection: Selection, *, locale: str | None
    ) -> JsonRow:
        """Send an invitation again, with a new link; the one before ends."""
        await self.limits.count_lookup(connection.actor)
        token = make_token()

        async def resend(transaction: Transaction) -> JsonRow | None:
            statement = "select monynha.resend_invitation($1, $2, $3)"
            json = await transaction.fetch_json(statement, *key, hash_token(token), LIFETIME)
            if json is None:
                return None
            mail = InvitationMail.parse(json)
            await self.limits.count_mail(mail.email)
            invitation_id = await self._send(transaction, mail, token, locale)
            await _record(transaction, "resent", invitation_id)
            return await self._fetch(transaction, selection, invitation_id)

        return await _run(connection, resend)

    async def revoke(self, connection: ActorConnection, key: PrimaryKey) -> None:
        """Revoke an invitation that is pending."""
        await _run(connection, lambda transaction: _end(transaction, "revoked", "revoke_invitation($1)", *key))

    async def accept(self, connection: ActorConnection, reference: str, selection: Selection | None = None) -> JsonRow:
        """Accept the invitation of a token or an id, and return what is selected of it."""

        async def accept(transaction: Transaction) -> JsonRow | None:
            statement = "select monynha.accept_invitation($1, $2)"
            accepted_id = await transaction.fetch_value(statement, *_reference_binds(reference))
            if not isinstance(accepted_id, UUID):
                return None
            await _record(transaction, "accepted", accepted_id)
            return await self._fetch(transaction, selection or _all_fields(), accepted_id)

        return await _run(connection, accept)

    async def decline(self, connection: ActorConnection, reference: str) -> None:
        """Decline the invitation of a token or an id."""
        binds = _reference_binds(reference)
        await _run(connection, lambda transaction: _end(transaction, "declined", "decline_invitation($1, $2)", *binds))

    async def _create(self, transaction: Transaction, request: InvitationRequest, locale: str | None) -> UUID:
        token = make_token()
        mail = await transaction.fetch_json(
            "select monynha.create_invitation($1, $2, $3, $4, $5)",
            request.project_id,
            request.email,
            request.role,
            hash_token(token),
            LIFETIME,
        )
        assert mail is not None  # the function returns an object, or raises
        invitation_id = await self._send(transaction, InvitationMail.parse(mail), token, locale)
        details = {"projectId": request.project_id, "email": request.email, "role": request.role}
        await _record(transaction, "created", invitation_id, details)
        return invitation_id

    async def _send(self, transaction: Transaction, mail: InvitationMail, token: str, locale: str | None) -> UUID:
        """Queue the mail, and the end of the invitation; return its id."""
        invitation_id = UUID(mail.id)
        await self.mailer.queue_invitation(
            transaction,
            mail,
            token,
            expires_at=self.clock() + LIFETIME,
            valid_days=LIFETIME.days,
            locale=locale,
        )
        await enqueue_expiry(transaction, invitation_id, LIFETIME)
        return invitation_id

    async def _fetch(self, transaction: Transaction, selection: Selection, invitation_id: UUID) -> JsonRow:
        return await self.queries.fetch_in_transaction(transaction, replace(selection, key=(invitation_id,)))


def parse_invitation(project_id: UUID, body: object) -> InvitationRequest:
    """Return the request in a body with `email` and, optionally, `role`; ValidationFailedError names bad fields."""
    values, errors = parse_custom_body(invitations, body, _PARSERS, optional=frozenset({"role"}))
    raise_field_errors(errors)
    return InvitationRequest(project_id, str(values["email"]), str(values.get("role", InvitationRole.MEMBER.value)))


def _parse_email(value: object) -> str:
    if not isinstance(value, str):
        raise ValidationFailedError(email="must be a string")
    return normalize_email(value)


_PARSERS: dict[str, FieldParser] = {
    "email": _parse_email,
    "role": lambda value: parse_value(invitations.fields["role"], value),
}


def _reference_binds(reference: str) -> tuple[UUID | None, str]:
    """Return the id that a reference may be, and the hash of the token that it may be."""
    return parse_uuid(reference), hash_token(reference)


def _all_fields() -> Selection:
    return Selection(invitations, invitations.field_names)


async def _end(transaction: Transaction, participle: str, function: str, *binds: object) -> UUID | None:
    """End an invitation by a function of the database; return its id, None if there is none."""
    invitation_id = await transaction.fetch_value(f"select monynha.{function}", *binds)
    if not isinstance(invitation_id, UUID):
        return None
    await _record(transaction, participle, invitation_id)
    return invitation_id


async def _record(
    transaction: Transaction, participle: str, invitation_id: UUID, details: Mapping[str, object] | None = None
) -> None:
    await record_audit_event(
        transaction,
        f"invitation.{participle}",
        target_type="invitation",
        target_id=str(invitation_id),
        details=details,
    )


async def _run(connection: ActorConnection, act: Callable[[Transaction], Awaitable[_T | None]]) -> _T:
    """Act in one transaction, again after a deadlock; NotFoundError if there is no such invitation."""

    async def attempt(connection: ActorConnection) -> _T:
        async with connection.transaction() as transaction:
            result = await act(transaction)
            if result is None:
                raise NotFoundError.for_name(invitations.singular)
            return result

    try:
        return await with_retries(connection, attempt)
    except ConstraintViolationError as violation:
        raise _action_error(violation) from violation


def _action_error(violation: ConstraintViolationError) -> AppError:
    if violation.constraint == "invitation_is_pending":
        status = violation.detail
        return ConflictError(_ENDED_MESSAGES.get(status, "The invitation has ended."), details={"status": status})
    return violation_error(invitations, violation, {})
