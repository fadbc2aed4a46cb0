"""Signing in with a password."""

from __future__ import annotations

from monynha.core.errors import Invalid
from monynha.domains.auth.account import Account
from monynha.domains.auth.addresses import normal_email
from monynha.domains.auth.faults import BannedAtSignIn, EmailNotConfirmed, InvalidCredentials
from monynha.domains.auth.pace import even_pace
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.passwords import Checked
from monynha.domains.auth.sessions import Client, SignedIn

_STILL = "select 1 from auth.users where id = $1 and password_hash = $2 and deleted_at is null for update"


async def sign_in(parts: Parts, email: str, password: str, client: Client) -> SignedIn:
    """Open a session for the right password; a wrong one and an unknown address are refused alike."""
    # An imported hash takes another time to compare than ours, and so than an unknown address.
    async with even_pace(parts.pace_s, failures_only=True):
        account = await _found(parts, email)
        checked = await parts.passwords.check(password, account.password_hash if account else None)
        if account is None or not checked.is_right:
            raise InvalidCredentials()
        if account.is_banned(parts.now()):
            raise BannedAtSignIn()
        if not account.is_verified:
            raise EmailNotConfirmed()
        return await _opened(parts, account, checked, client)


async def _found(parts: Parts, email: str) -> Account | None:
    try:
        normal = normal_email(email)
    except Invalid:
        return None
    async with parts.transaction() as transaction:
        return await parts.rows.by_email(transaction, normal)


async def _opened(parts: Parts, account: Account, checked: Checked, client: Client) -> SignedIn:
    async with parts.transaction() as transaction:
        # Whoever changed the password meanwhile ended all sessions, and this one is not to outlive that.
        if await transaction.value(_STILL, account.id, account.password_hash) is None:
            raise InvalidCredentials()
        better = {"password_hash": checked.new_hash} if checked.new_hash else {}
        return await parts.sessions.open(transaction, account, client, method="password", **better)
