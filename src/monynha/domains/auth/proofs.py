"""Proving an address: mails that are asked for, and the links and codes that come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from monynha.core.errors import Invalid
from monynha.domains.auth.account import Account
from monynha.domains.auth.account_rows import Draft
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.email_change import HalfDone, confirm_change
from monynha.domains.auth.faults import AuthFault, Banned, OtpExpired, ValidationFailed
from monynha.domains.auth.one_time import Challenge, Kind, OneTime, Taken
from monynha.domains.auth.pace import even_pace
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.sessions import Client, SignedIn
from monynha.infra.postgres.database import Transaction

KINDS = {
    "signup": (Kind.CONFIRMATION,),
    "invite": (Kind.INVITE,),
    "magiclink": (Kind.MAGICLINK, Kind.CONFIRMATION),
    "recovery": (Kind.RECOVERY,),
    "email": (Kind.CONFIRMATION, Kind.MAGICLINK, Kind.INVITE),
    "email_change": (Kind.EMAIL_CHANGE_NEW, Kind.EMAIL_CHANGE_CURRENT),
}
"""Which tokens a type of the wire stands for."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A wish for a mail with a one-time token."""

    email: str
    challenge: Challenge | None = None
    redirect_to: str | None = None
    create: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Authorized:
    """A link was right, and its client finishes the sign-in with the code and its own verifier."""

    code: str


Proven = SignedIn | HalfDone | Authorized


async def ask_recovery(parts: Parts, ask: Ask) -> None:
    """Mail a link that signs in and lets a new password be set; an unknown address is answered alike."""
    await _mailed(parts, ask, Kind.RECOVERY)


async def ask_magic_link(parts: Parts, ask: Ask) -> None:
    """Mail a link and a code that sign in; with `create` a new account is made for an unknown address."""
    await _mailed(parts, ask, Kind.MAGICLINK)


async def ask_again(parts: Parts, ask: Ask, type: str) -> None:
    """Mail once more what was mailed at the sign-up, or when a new address was given."""
    if type not in ("signup", "email_change"):
        raise ValidationFailed("Missing one of these types: signup, email_change, sms, phone_change")
    email = _normal(ask.email)
    async with even_pace(parts.pace_s):
        async with parts.transaction() as transaction:
            account = await parts.rows.by_email(transaction, email)
            tokens = await _again(parts, transaction, account, ask=ask, type=type) if account else []
        for token in tokens:
            await parts.post(token, ask.redirect_to)


async def prove_link(
    parts: Parts, link: str, type: str, client: Client, *, challenged: bool = False
) -> Proven:
    """Use up a link's token and sign its owner in; `challenged` keeps to the client's own verifier."""
    async with parts.transaction() as transaction:
        taken = await parts.one_time.take_link(transaction, link, KINDS.get(type, ()))
        proven = await _proven(parts, transaction, taken, client=client, challenged=challenged)
    if isinstance(proven, AuthFault):
        raise proven
    return proven


async def prove_code(parts: Parts, email: str, code: str, type: str, *, client: Client) -> Proven:
    """Use up a code that was sent to the address and sign its owner in."""
    normal = _normal(email)
    async with parts.transaction() as transaction:
        taken = await parts.one_time.take_code(transaction, normal, code.strip(), KINDS.get(type, ()))
        proven = await _proven(parts, transaction, taken, client=client, challenged=False)
    # Raised after the commit, which keeps the count of wrong guesses.
    if isinstance(proven, AuthFault):
        raise proven
    return proven


async def redeem(parts: Parts, code: str, verifier: str, client: Client) -> SignedIn:
    """Turn an authorization code and the client's verifier into a session."""
    async with parts.transaction() as transaction:
        redeemed = await parts.one_time.redeem(transaction, code, verifier)
        signed_in: SignedIn | AuthFault
        if isinstance(redeemed, AuthFault):
            signed_in = redeemed
        else:
            user_id, method = redeemed
            account = await parts.rows.by_id(transaction, user_id)
            if account is None or account.is_banned(parts.now()):
                signed_in = Banned()
            else:
                signed_in = await parts.sessions.open(transaction, account, client, method=method)
    if isinstance(signed_in, AuthFault):
        raise signed_in
    return signed_in


async def _mailed(parts: Parts, ask: Ask, kind: Kind) -> None:
    email = _normal(ask.email)
    async with even_pace(parts.pace_s):
        async with parts.transaction() as transaction:
            account = await parts.rows.by_email(transaction, email)
            if account is None and ask.create:
                draft = Draft(email, user_metadata=dict(ask.metadata), confirmation_sent_at=parts.now())
                if parts.autoconfirm:
                    draft = replace(draft, email_confirmed_at=parts.now())
                account = await parts.rows.add(transaction, draft)
            if account is None or account.is_banned(parts.now()):
                return
            token = await parts.one_time.issue(transaction, account.id, kind, email, challenge=ask.challenge)
            await parts.rows.change(transaction, account, recovery_sent_at=parts.now())
        await parts.post(token, ask.redirect_to)


async def _again(
    parts: Parts, transaction: Transaction, account: Account, *, ask: Ask, type: str
) -> list[OneTime]:
    now, issue = parts.now(), parts.one_time.issue
    if type == "signup":
        if account.is_verified:
            return []
        await parts.rows.change(transaction, account, confirmation_sent_at=now)
        kind, address = Kind.CONFIRMATION, account.email or ""
        return [await issue(transaction, account.id, kind, address, challenge=ask.challenge)]
    if not account.new_email:
        return []
    await parts.rows.change(transaction, account, email_change_sent_at=now, email_change_is_half_done=False)
    current, new = Kind.EMAIL_CHANGE_CURRENT, Kind.EMAIL_CHANGE_NEW
    tokens = [await issue(transaction, account.id, current, account.email or "", challenge=ask.challenge)]
    if await parts.rows.by_email(transaction, account.new_email) is None:
        tokens.append(await issue(transaction, account.id, new, account.new_email, challenge=ask.challenge))
    return tokens


async def _proven(
    parts: Parts, transaction: Transaction, taken: Taken | None, *, client: Client, challenged: bool
) -> Proven | AuthFault:
    account = await parts.rows.by_id(transaction, taken.user_id) if taken else None
    if taken is None or account is None:
        return OtpExpired()
    if account.is_banned(parts.now()):
        return Banned()
    if taken.kind in (Kind.EMAIL_CHANGE_CURRENT, Kind.EMAIL_CHANGE_NEW):
        outcome = await confirm_change(parts, transaction, account, taken)
        if not isinstance(outcome, Account):
            return outcome
        account = outcome
    elif taken.address != account.email:
        # It was sent to an address that is no longer theirs.
        return OtpExpired()
    else:
        account = await _confirmed(parts, transaction, account, taken.kind)
    if challenged and taken.challenge:
        return Authorized(await parts.one_time.authorize(transaction, account.id, taken.challenge, "otp"))
    return await parts.sessions.open(transaction, account, client, method="otp")


async def _confirmed(parts: Parts, transaction: Transaction, account: Account, kind: Kind) -> Account:
    if account.is_verified:
        return account
    # Whoever chose the password before anybody had proven the address need not be its owner.
    # Only the link of that very sign-up vouches for it.
    doubtful = {} if kind is Kind.CONFIRMATION else {"password_hash": None}
    return await parts.rows.change(transaction, account, email_confirmed_at=parts.now(), **doubtful)


def _normal(email: str) -> str:
    try:
        return normal_email(email)
    except Invalid:
        raise ValidationFailed("Unable to validate email address: invalid format") from None
