"""Accounts, sign-up, sign-in, sessions: GoTrue's wire at /auth/v1."""

from monynha.domains.auth.account import Account
from monynha.domains.auth.accounts import Accounts
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.reactions import AccountReaction
from monynha.domains.auth.sessions import Client
from monynha.domains.auth.sign_up import SignUp
from monynha.domains.auth.tokens import AccessTokens, Identify

__all__ = ["AccessTokens", "Account", "AccountReaction", "Accounts", "Auth", "Client", "Identify", "SignUp"]
