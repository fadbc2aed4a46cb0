"""Proving an address: mails that are asked for, and the links and codes that come back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import AuthError, InvalidAuthRequestError, OtpExpiredError, UserBannedError
from monynha.domains.auth.services.constant_time import equalize_duration
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.email_change import EmailChangeHalfConfirmed, confirm_change
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession
from monynha.domains.auth.tokens.one_time_tokens import ConsumedToken, OneTimeToken, PkceChallenge, TokenKind
from monynha.infra.postgres.database import Transaction

TOKEN_KINDS_BY_TYPE = {
    "signup": (TokenKind.CONFIRMATION,),
    "invite": (TokenKind.INVITE,),
    "magiclink": (TokenKind.MAGICLINK, TokenKind.CONFIRMATION),
    "recovery": (TokenKind.RECOVERY,),
    "email": (TokenKind.CONFIRMATION, TokenKind.MAGICLINK, TokenKind.INVITE),
    "email_change": (TokenKind.EMAIL_CHANGE_NEW, TokenKind.EMAIL_CHANGE_CURRENT),
}
"""Which tokens a type of the wire stands for."""


@dataclass(frozen=True, slots=True)
class TokenEmailRequest:
    """A wish for a mail with a one-time token."""

    email: str
    challenge: PkceChallenge | None = None
    redirect_to: str | None = None
    creates_account: bool = False
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthorizationCode:
    """A link was right, and its client finishes the sign-in with the code and its own verifier."""

    code: str


VerificationResult = IssuedSession | EmailChangeHalfConfirmed | AuthorizationCode


async def send_recovery(parts: AuthContext, request: TokenEmailRequest) -> None:
    """Mail a link that signs in and lets a new password be set; an unknown address is answered alike."""
    await _send_token(parts, request, TokenKind.RECOVERY)


async def send_magic_link(parts: AuthContext, request: TokenEmailRequest) -> None:
    """Mail a link and a code that sign in; with `create` a new account is made for an unknown address."""
    await _send_token(parts, request, TokenKind.MAGICLINK)


async def resend(parts: AuthContext, request: TokenEmailRequest, type: str) -> None:
    """Mail once more what was mailed at the sign-up, or when a new address was given."""
    if type not in ("signup", "email_change"):
        raise InvalidAuthRequestError("Missing one of these types: signup, email_change, sms, phone_change")
    email = _normalize(request.email)
    async with equalize_duration(parts.response_step_s):
        async with parts.transaction() as transaction:
            account = await parts.repository.find_by_email(transaction, email)
            tokens = await _reissue_tokens(parts, transaction, account, request=request, type=type) if account else []
        for token in tokens:
            await parts.send_token_email(token, request.redirect_to)


async def verify_link(
    parts: AuthContext, link_token: str, type: str, client: ClientInfo, *, allows_pkce: bool = False
) -> VerificationResult:
    """Use up a link's token and sign its owner in; `challenged` keeps to the client's own verifier."""
    async with parts.transaction() as transaction:
        token = await parts.one_time_tokens.consume_link(transaction, link_token, TOKEN_KINDS_BY_TYPE.get(type, ()))
        result = await _complete_verification(parts, transaction, token, client=client, allows_pkce=allows_pkce)
    if isinstance(result, AuthError):
        raise result
    return result


async def verify_code(
    parts: AuthContext, email: str, code: str, type: str, *, client: ClientInfo
) -> VerificationResult:
    """Use up a code that was sent to the address and sign its owner in."""
    normalized_email = _normalize(email)
    async with parts.transaction() as transaction:
        token = await parts.one_time_tokens.consume_code(
            transaction, normalized_email, code.strip(), TOKEN_KINDS_BY_TYPE.get(type, ())
        )
        result = await _complete_verification(parts, transaction, token, client=client, allows_pkce=False)
    # Raised after the commit, which keeps the count of wrong guesses.
    if isinstance(result, AuthError):
        raise result
    return result


async def exchange_code(parts: AuthContext, code: str, verifier: str, client: ClientInfo) -> IssuedSession:
    """Turn an authorization code and the client's verifier into a session."""
    async with parts.transaction() as transaction:
        redeemed = await parts.one_time_tokens.redeem_authorization_code(transaction, code, verifier)
        outcome: IssuedSession | AuthError
        if isinstance(redeemed, AuthError):
            outcome = redeemed
        else:
            user_id, method = redeemed
            account = await parts.repository.find_by_id(transaction, user_id)
            if account is None or account.is_banned(parts.now()):
                outcome = UserBannedError()
            else:
                outcome = await parts.sessions.create(transaction, account, client, method=method)
    if isinstance(outcome, AuthError):
        raise outcome
    return outcome


async def _send_token(parts: AuthContext, request: TokenEmailRequest, kind: TokenKind) -> None:
    email = _normalize(request.email)
    async with equalize_duration(parts.response_step_s):
        async with parts.transaction() as transaction:
            account = await parts.repository.find_by_email(transaction, email)
            if account is None and request.creates_account:
                new_account = NewAccount(email, user_metadata=dict(request.metadata), confirmation_sent_at=parts.now())
                if parts.autoconfirm:
                    new_account = replace(new_account, email_confirmed_at=parts.now())
                account = await parts.repository.insert(transaction, new_account)
            if account is None or account.is_banned(parts.now()):
                return
            token = await parts.one_time_tokens.issue(transaction, account.id, kind, email, challenge=request.challenge)
            await parts.repository.update(transaction, account, recovery_sent_at=parts.now())
        await parts.send_token_email(token, request.redirect_to)


async def _reissue_tokens(
    parts: AuthContext, transaction: Transaction, account: Account, *, request: TokenEmailRequest, type: str
) -> list[OneTimeToken]:
    now, issue = parts.now(), parts.one_time_tokens.issue
    if type == "signup":
        if account.is_verified:
            return []
        await parts.repository.update(transaction, account, confirmation_sent_at=now)
        kind, email = TokenKind.CONFIRMATION, account.email or ""
        return [await issue(transaction, account.id, kind, email, challenge=request.challenge)]
    if not account.new_email:
        return []
    await parts.repository.update(transaction, account, email_change_sent_at=now, is_email_change_half_confirmed=False)
    current, new = TokenKind.EMAIL_CHANGE_CURRENT, TokenKind.EMAIL_CHANGE_NEW
    tokens = [await issue(transaction, account.id, current, account.email or "", challenge=request.challenge)]
    if await parts.repository.find_by_email(transaction, account.new_email) is None:
        tokens.append(await issue(transaction, account.id, new, account.new_email, challenge=request.challenge))
    return tokens


async def _complete_verification(
    parts: AuthContext,
    transaction: Transaction,
    token: ConsumedToken | None,
    *,
    client: ClientInfo,
    allows_pkce: bool,
) -> VerificationResult | AuthError:
    account = await parts.repository.find_by_id(transaction, token.user_id) if token else None
    if token is None or account is None:
        return OtpExpiredError()
    if account.is_banned(parts.now()):
        return UserBannedError()
    if token.kind in (TokenKind.EMAIL_CHANGE_CURRENT, TokenKind.EMAIL_CHANGE_NEW):
        outcome = await confirm_change(parts, transaction, account, token)
        if not isinstance(outcome, Account):
            return outcome
        account = outcome
    elif token.email != account.email:
        # It was sent to an address that is no longer theirs.
        return OtpExpiredError()
    else:
        account = await _confirm_email(parts, transaction, account, token.kind)
    if allows_pkce and token.challenge:
        return AuthorizationCode(
            await parts.one_time_tokens.issue_authorization_code(transaction, account.id, token.challenge, "otp")
        )
    return await parts.sessions.create(transaction, account, client, method="otp")


async def _confirm_email(parts: AuthContext, transaction: Transaction, account: Account, kind: TokenKind) -> Account:
    if account.is_verified:
        return account
    # Whoever chose the password before anybody had proven the address need not be its owner.
    # Only the link of that very sign-up vouches for it.
    password_change = {} if kind is TokenKind.CONFIRMATION else {"password_hash": None}
    return await parts.repository.update(transaction, account, email_confirmed_at=parts.now(), **password_change)


def _normalize(email: str) -> str:
    try:
        return normalize_email(email)
    except ValidationFailedError:
        raise InvalidAuthRequestError("Unable to validate email address: invalid format") from None
