"""Signing up: an account, its profile, and an answer that does not tell who has one already."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

from monynha.core.errors import Invalid
from monynha.domains.auth.account import Account, Identity
from monynha.domains.auth.account_rows import Draft
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import AddressTaken, WeakPassword
from monynha.domains.auth.letters import Letters
from monynha.domains.auth.metadata import merged
from monynha.domains.auth.one_time import Challenge, Kind
from monynha.domains.auth.pace import even_pace
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.passwords import Passwords
from monynha.infra.mail import Mail
from monynha.infra.postgres.database import Transaction

_PURPOSE = b"monynha answer to a taken address"


@dataclass(frozen=True, slots=True)
class SignUp:
    """What somebody gives to get an account; `name` is put into the metadata."""

    email: str
    password: str = field(repr=False)
    name: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    challenge: Challenge | None = None
    redirect_to: str | None = None

    def all_metadata(self) -> dict[str, Any]:
        """Return the metadata with the name in it."""
        named = {"name": self.name} if self.name else {}
        return merged(self.metadata, named)


async def sign_up(parts: Parts, wanted: SignUp) -> Account:
    """Make the account and its profile, at once or to be confirmed by mail.

    Raises Invalid for what cannot be an address or a password, AddressTaken for a taken address where
    accounts count at once. With a confirmation by mail every address is answered as a new one, and only
    the mail differs.
    """
    email = await checked(parts.passwords, wanted.email, wanted.password, wanted.name or "")
    password_hash = await parts.passwords.hash(wanted.password)
    draft = Draft(email, password_hash, user_metadata=wanted.all_metadata())
    if parts.autoconfirm:
        draft = replace(draft, email_confirmed_at=parts.now())
        async with parts.transaction() as transaction:
            account = await parts.rows.add(transaction, draft)
            if account is None:
                raise AddressTaken()
            return account
    async with even_pace(parts.pace_s):
        return await _awaiting_confirmation(parts, wanted, draft)


async def checked(passwords: Passwords, email: str, password: str, *about: str) -> str:
    """Return the address in its normal form; one fault tells all that is wrong with it and the password."""
    problems: dict[str, object] = {}
    weak: WeakPassword | None = None
    normal = ""
    try:
        normal = normal_email(email)
    except Invalid as fault:
        problems |= fault.details
    try:
        await passwords.judge(password, normal, *about)
    except WeakPassword as fault:
        weak = fault
    if problems:
        raise Invalid(details={**problems, **(weak.details if weak else {})})
    if weak:
        raise weak
    return normal


async def _awaiting_confirmation(parts: Parts, wanted: SignUp, draft: Draft) -> Account:
    draft = replace(draft, confirmation_sent_at=parts.now())
    async with parts.transaction() as transaction:
        account = await parts.rows.add(transaction, draft) or await _signed_up_again(
            parts, transaction, draft
        )
        mail = await _mail(parts, transaction, wanted, draft=draft, account=account)
    await parts.mailer.send(mail)
    return _as_new(draft, account.id if account else _pretended_id(parts.secret, draft.email or ""))


async def _signed_up_again(parts: Parts, transaction: Transaction, draft: Draft) -> Account | None:
    """Take the latest sign-up for an address that nobody has proven yet; None for one that is proven.

    The password of an earlier, unproven sign-up must not wait for the address's owner to confirm it.
    """
    found = await parts.rows.by_email(transaction, draft.email or "")
    if found is None or found.is_verified:
        return None
    return await parts.rows.change(
        transaction,
        found,
        password_hash=draft.password_hash,
        user_metadata={**draft.told_metadata(), "sub": str(found.id)},
        confirmation_sent_at=draft.confirmation_sent_at,
    )


async def _mail(
    parts: Parts, transaction: Transaction, wanted: SignUp, *, draft: Draft, account: Account | None
) -> Mail:
    letters: Letters = parts.letters
    address = draft.email or ""
    if account is None:
        return letters.taken(address)
    issue, challenge = parts.one_time.issue, wanted.challenge
    token = await issue(transaction, account.id, Kind.CONFIRMATION, address, challenge=challenge)
    return letters.of(token, parts.redirects.checked(wanted.redirect_to))


def _pretended_id(secret: str, email: str) -> UUID:
    # The same at each call, as a real one is.
    digest = hmac.digest(secret.encode(), _PURPOSE + email.encode(), hashlib.sha256)
    return UUID(bytes=digest[:16], version=4)


def _as_new(draft: Draft, id: UUID) -> Account:
    """Return an account as it looks in the moment after its sign-up, whether it is new or not."""
    now = draft.confirmation_sent_at
    assert now is not None
    draft = replace(draft, id=id)
    proof = {"sub": str(id), "email": draft.email, "email_verified": False, "phone_verified": False}
    identity = Identity(uuid4(), str(id), id, proof, "email", None, now, now)
    blank = dict.fromkeys(Account.__dataclass_fields__)
    values: dict[str, Any] = {
        **blank,
        "id": id,
        "email": draft.email,
        "confirmation_sent_at": now,
        "email_change_is_half_done": False,
        "app_metadata": draft.all_app_metadata(),
        "user_metadata": draft.told_metadata(),
        "is_anonymous": False,
        "created_at": now,
        "updated_at": now,
        "identities": (identity,),
        "changes": frozenset(),
    }
    return Account(**values)
