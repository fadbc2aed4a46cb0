"""Accounts, sign-up, sign-in, sessions: GoTrue's wire at /auth/v1."""

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.hooks import AccountHook
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.auth.tokens.access_tokens import AccessTokens, BearerAuthenticator

__all__ = [
    "AccessTokens",
    "Account",
    "AccountHook",
    "AccountService",
    "AuthServices",
    "BearerAuthenticator",
    "ClientInfo",
    "SignUpRequest",
]
