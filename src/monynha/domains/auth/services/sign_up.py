"""Signing up: an account, its profile, and an answer that does not tell who has one already."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.account import Account, Identity
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.accounts.metadata import merge_metadata
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.emails.email_templates import EmailTemplates
from monynha.domains.auth.errors import UserAlreadyExistsError, WeakPasswordError
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge, TokenKind
from monynha.infra.mail import Mail
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha answer to a taken address"


@dataclass(frozen=True, slots=True)
class SignUpRequest:
    """What somebody gives to get an account; `name` is put into the metadata."""

    email: str
    password: str = field(repr=False)
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None

    def metadata_with_name(self) -> dict[str, Any]:
        """Return the metadata with the name in it."""
        name_entry = {"name": self.name} if self.name else {}
        return merge_metadata(self.metadata, name_entry)


async def sign_up(parts: AuthContext, request: SignUpRequest) -> Account:
    """Make the account and its profile, at once or to be confirmed by mail.

    Raises Invalid for what cannot be an address or a password, AddressTaken for a taken address where
    accounts count at once. With a confirmation by mail every address is answered as a new one, and only
    the mail differs.
    """
    email = await validate_credentials(parts.passwords, request.email, request.password, request.name or "")
    password_hash = await parts.passwords.hash(request.password)
    new_account = NewAccount(email, password_hash, user_metadata=request.metadata_with_name())
    if parts.autoconfirm:
        new_account = replace(new_account, email_confirmed_at=parts.now())
        async with parts.transaction() as transaction:
            account = await parts.repository.insert(transaction, new_account)
            if account is None:
                raise UserAlreadyExistsError()
            return account
    async with equalize_duration(parts.response_step_s):
        return await _sign_up_unconfirmed(parts, request, new_account)


async def validate_credentials(passwords: PasswordHasher, email: str, password: str, *user_inputs: str) -> str:
    """Return the address in its normal form; one fault tells all that is wrong with it and the password."""
    problems: dict[str, object] = {}
    weak_password: WeakPasswordError | None = None
    normalized_email = ""
    try:
        normalized_email = normalize_email(email)
    except ValidationFailedError as error:
        problems |= error.details
    try:
        await passwords.validate(password, normalized_email, *user_inputs)
    except WeakPasswordError as error:
        weak_password = error
    if problems:
        raise ValidationFailedError(details={**problems, **(weak_password.details if weak_password else {})})
    if weak_password:
        raise weak_password
    return normalized_email


async def _sign_up_unconfirmed(parts: AuthContext, request: SignUpRequest, new_account: NewAccount) -> Account:
    new_account = replace(new_account, confirmation_sent_at=parts.now())
    async with parts.transaction() as transaction:
        account = await parts.repository.insert(transaction, new_account) or await _replace_unconfirmed(
            parts, transaction, new_account
        )
        mail = await _sign_up_email(parts, transaction, request, new_account=new_account, account=account)
    await parts.mailer.send(mail)
    return _placeholder_account(
        new_account, account.id if account else _placeholder_id(parts.secret, new_account.email or "")
    )


async def _replace_unconfirmed(parts: AuthContext, transaction: Transaction, new_account: NewAccount) -> Account | None:
    """Take the latest sign-up for an address that nobody has proven yet; None for one that is proven.

    The password of an earlier, unproven sign-up must not wait for the address's owner to confirm it.
    """
    existing = await parts.repository.find_by_email(transaction, new_account.email or "")
    if existing is None or existing.is_verified:
        return None
    return await parts.repository.update(
        transaction,
        existing,
        password_hash=new_account.password_hash,
        user_metadata={**new_account.stored_user_metadata(), "sub": str(existing.id)},
        confirmation_sent_at=new_account.confirmation_sent_at,
    )


async def _sign_up_email(
    parts: AuthContext,
    transaction: Transaction,
    request: SignUpRequest,
    *,
    new_account: NewAccount,
    account: Account | None,
) -> Mail:
    templates: EmailTemplates = parts.email_templates
    email = new_account.email or ""
    if account is None:
        return templates.already_registered_email(email)
    issue, challenge = parts.one_time_tokens.issue, request.challenge
    token = await issue(transaction, account.id, TokenKind.CONFIRMATION, email, challenge=challenge)
    return templates.token_email(token, parts.redirects.resolve(request.redirect_to))


def _placeholder_id(secret: str, email: str) -> UUID:
    # The same at each call, as a real one is.
    digest = hmac.digest(secret.encode(), _PURPOSE + email.encode(), hashlib.sha256)
    return UUID(bytes=digest[:16], version=4)


def _placeholder_account(new_account: NewAccount, id: UUID) -> Account:
    """Return an account as it looks in the moment after its sign-up, whether it is new or not."""
    now = new_account.confirmation_sent_at
    assert now is not None
    new_account = replace(new_account, id=id)
    identity_data = {
        "sub": str(id),
        "email": new_account.email,
        "email_verified": False,
        "phone_verified": False,
    }
    identity = Identity(uuid4(), str(id), id, identity_data, "email", None, now, now)
    empty = dict.fromkeys(Account.__dataclass_fields__)
    values: dict[str, Any] = {
        **empty,
        "id": id,
        "email": new_account.email,
        "confirmation_sent_at": now,
        "is_email_change_half_confirmed": False,
        "app_metadata": new_account.stored_app_metadata(),
        "user_metadata": new_account.stored_user_metadata(),
        "is_anonymous": False,
        "created_at": now,
        "updated_at": now,
        "identities": (identity,),
        "changes": frozenset(),
    }
    return Account(**values)
