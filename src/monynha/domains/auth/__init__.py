"""Accounts, sign-up, sign-in and sessions, with the HTTP API of Supabase Auth (GoTrue) at /auth/v1.

composition   builds all services (`AuthServices`)
errors        errors with GoTrue's codes
policies.sql  row-level security of the schema `auth`
accounts/     accounts: values, repository, passwords, metadata, hooks of later domains
tokens/       access tokens (JWT), refresh tokens, one-time tokens
api_tokens/   API tokens: the resource, their creation, their last use
emails/       email addresses, templates, allowed redirects
phone/        phone numbers, and text messages with codes
providers/    signing in with Google, GitHub and others
factors/      second factors: TOTP, phone, WebAuthn, recovery codes
passkeys/     signing in with a passkey alone
oauth_server/ applications that act for people (OAuth 2.1)
services/     what can be done: sign up, sign in, verify, update, administer
http/         the routes
"""

from monynha.domains.auth.accounts.account import ACCOUNT_COLUMNS, Account, account_from_row
from monynha.domains.auth.accounts.hooks import AccountHook
from monynha.domains.auth.accounts.passwords import DEFAULT_MIN_PASSWORD_LENGTH, MAX_PASSWORD_LENGTH
from monynha.domains.auth.api_tokens.models import ApiToken
from monynha.domains.auth.api_tokens.models import tokens as token_resource
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.emails.email_address import normalize_email
from monynha.domains.auth.errors import EmailExistsError
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.auth.tokens.access_tokens import AccessTokens, SessionClaims

__all__ = [
    "ACCOUNT_COLUMNS",
    "DEFAULT_MIN_PASSWORD_LENGTH",
    "MAX_PASSWORD_LENGTH",
    "AccessTokens",
    "Account",
    "AccountHook",
    "AccountService",
    "ApiToken",
    "AuthServices",
    "ClientInfo",
    "EmailExistsError",
    "SessionClaims",
    "SignUpRequest",
    "account_from_row",
    "normalize_email",
    "token_resource",
]
