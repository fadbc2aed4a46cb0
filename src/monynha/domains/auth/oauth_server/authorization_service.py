"""Authorization service: starts, shows, approves and denies what clients ask for (RFC 6749 §4.1, OAuth 2.1)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.hashes import hash_token
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.oauth_server.authorizations import (
    PENDING,
    Authorization,
    AuthorizationRequest,
    bind_to_user,
    insert_authorization,
    lock_authorization,
    mark_approved,
    mark_ended,
)
from monynha.domains.auth.oauth_server.clients import DYNAMIC, OAuthClient, find_client
from monynha.domains.auth.oauth_server.consents import add_consent, find_consent
from monynha.domains.auth.oauth_server.errors import (
    AuthorizationNotFoundError,
    AuthorizationNotPendingError,
    OAuthProtocolError,
    UnknownOAuthClientError,
    invalid_request,
)
from monynha.domains.auth.oauth_server.redirect_uris import is_registered, is_web_uri, with_query
from monynha.domains.auth.oauth_server.scopes import DEFAULT_SCOPES, parse_scopes
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.infra.postgres.database import Transaction

_MAX_STATE_LENGTH: Final = 2000
_MAX_NONCE_LENGTH: Final = 500
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})

_Decision = TypeVar("_Decision")


@dataclass(frozen=True, slots=True)
class Approver:
    """The person who is asked, and the session in which they are."""

    user_id: UUID
    session_id: UUID | None


@dataclass(frozen=True, slots=True)
class PendingAuthorization:
    """What a person is asked to decide."""

    authorization: Authorization
    client: OAuthClient


@dataclass(frozen=True, slots=True)
class Redirect:
    """Where the person's browser goes next: to the client, with a code or an error."""

    url: str


@dataclass(frozen=True, kw_only=True)
class AuthorizationService:
    """Runs an authorization up to its code."""

    repository: AccountRepository
    notices: SecurityNotices
    clock: Clock
    issuer: str
    consent_url: str
    resources: frozenset[str]
    """The URLs for which a client may name a token's `resource` (RFC 8707): those of this program."""

    async def start(self, params: Mapping[str, str]) -> Redirect:
        """Store what a client asks for, and return where the person decides it, or the client's error.

        Raise an AuthError where the client or its redirect URI is not valid: nobody is redirected there.
        """
        client = await self._client_of(params)
        redirect_uri = params.get("redirect_uri") or ""
        if not redirect_uri:
            raise InvalidAuthRequestError("redirect_uri is required")
        if not is_registered(redirect_uri, client.redirect_uris):
            raise InvalidAuthRequestError("invalid redirect_uri")
        state = params.get("state") or None
        try:
            request = self._validate(params, client, redirect_uri)
        except OAuthProtocolError as error:
            return self._error_redirect(redirect_uri, state, error)
        async with self.repository.transaction() as transaction:
            authorization_id = await insert_authorization(transaction, request, self.clock())
        separator = "&" if "?" in self.consent_url else "?"
        return Redirect(f"{self.consent_url}{separator}{urlencode({'authorization_id': str(authorization_id)})}")

    async def describe(self, authorization_id: str) -> PendingAuthorization:
        """Return what is asked, to whoever has the link, as the sign-in form shows it: by whom, not of whom."""

        async def decide(_: Transaction, authorization: Authorization, client: OAuthClient) -> PendingAuthorization:
            return PendingAuthorization(authorization, client)

        return await self._decide(authorization_id, None, decide)

    async def release(self, authorization_id: str, approver: Approver) -> None:
        """Let another person decide: the one who has opened it wants to use another account."""

        async def decide(transaction: Transaction, authorization: Authorization, _: OAuthClient) -> None:
            await bind_to_user(transaction, authorization.id, None)

        await self._decide(authorization_id, approver, decide)

    async def open(self, authorization_id: str, approver: Approver) -> PendingAuthorization | Redirect:
        """Return what the person is asked; the client's redirect where they have consented to it before.

        Whoever opens an authorization first is the only one who may decide it.
        """

        async def decide(
            transaction: Transaction, authorization: Authorization, client: OAuthClient
        ) -> PendingAuthorization | Redirect:
            if authorization.user_id is None:
                await bind_to_user(transaction, authorization.id, approver.user_id)
            granted = await find_consent(transaction, approver.user_id, client.id)
            if _may_skip_prompt(authorization, client) and set(authorization.scopes) <= set(granted):
                return await self._approve(transaction, authorization, approver)
            return PendingAuthorization(authorization, client)

        return await self._decide(authorization_id, approver, decide)

    async def approve(self, authorization_id: str, approver: Approver) -> Redirect:
        """Store the consent and return the redirect with a code."""

        async def decide(transaction: Transaction, authorization: Authorization, client: OAuthClient) -> Redirect:
            # Only what the person has been shown can be approved.
            if authorization.user_id is None:
                raise AuthorizationNotFoundError()
            granted = await find_consent(transaction, approver.user_id, client.id)
            await add_consent(transaction, approver.user_id, client.id, authorization.scopes, self.clock())
            if not set(authorization.scopes) <= set(granted):
                await self._notify(transaction, approver, client)
            return await self._approve(transaction, authorization, approver)

        return await self._decide(authorization_id, approver, decide)

    async def deny(self, authorization_id: str, approver: Approver) -> Redirect:
        """Return the redirect that tells the client that the person has said no."""

        async def decide(transaction: Transaction, authorization: Authorization, _: OAuthClient) -> Redirect:
            if authorization.user_id is None:
                raise AuthorizationNotFoundError()
            await mark_ended(transaction, authorization.id, "denied")
            denied = OAuthProtocolError("access_denied", "User denied the request")
            return self._error_redirect(authorization.redirect_uri, authorization.state, denied)

        return await self._decide(authorization_id, approver, decide)

    async def _notify(self, transaction: Transaction, approver: Approver, client: OAuthClient) -> None:
        """Tell the person by mail that a client may do what it could not do before."""
        account = await self.repository.find_by_id(transaction, approver.user_id)
        if account is not None:
            details = {"name": client.name}
            await self.notices.queue(transaction, account, SecurityNotice.APPLICATION_ALLOWED, details)

    async def _client_of(self, params: Mapping[str, str]) -> OAuthClient:
        client_id_text = params.get("client_id") or ""
        if not client_id_text:
            raise InvalidAuthRequestError("client_id is required")
        client_id = parse_uuid(client_id_text)
        client = None
        if client_id is not None:
            async with self.repository.transaction() as transaction:
                client = await find_client(transaction, client_id)
        if client is None or not client.is_enabled:
            raise UnknownOAuthClientError()
        return client

    def _validate(self, params: Mapping[str, str], client: OAuthClient, redirect_uri: str) -> AuthorizationRequest:
        response_type = params.get("response_type") or "code"
        if response_type != "code":
            raise OAuthProtocolError("unsupported_response_type", "only response_type=code is supported")
        if (params.get("response_mode") or "query") != "query":
            raise invalid_request("only response_mode=query is supported")
        if "request" in params or "request_uri" in params:
            raise OAuthProtocolError("request_not_supported", "request objects are not supported")
        state, nonce = params.get("state") or None, params.get("nonce") or None
        if len(state or "") > _MAX_STATE_LENGTH or len(nonce or "") > _MAX_NONCE_LENGTH:
            raise invalid_request(
                f"state is longer than {_MAX_STATE_LENGTH} or nonce than {_MAX_NONCE_LENGTH} characters"
            )
        resource = params.get("resource")
        if resource and resource.rstrip("/") not in self.resources:
            raise OAuthProtocolError("invalid_target", "resource is not one of this server")
        return AuthorizationRequest(
            client_id=client.id,
            redirect_uri=redirect_uri,
            scopes=_requested_scopes(params.get("scope") or "", client),
            challenge=_challenge(params),
            state=state,
            nonce=nonce,
            requires_prompt=_requires_prompt(params.get("prompt") or ""),
        )

    async def _decide(
        self,
        authorization_id: str,
        approver: Approver | None,
        decide: Callable[[Transaction, Authorization, OAuthClient], Awaitable[_Decision]],
    ) -> _Decision:
        """Run `decide` on the authorization, its row locked: two decisions at once are one after the other."""
        id = parse_uuid(authorization_id)
        if id is None:
            raise AuthorizationNotFoundError()
        async with self.repository.transaction() as transaction:
            authorization = await lock_authorization(transaction, id)
            if authorization is None:
                raise AuthorizationNotFoundError()
            if approver is not None and authorization.user_id not in (None, approver.user_id):
                raise AuthorizationNotFoundError()
            if authorization.expires_at <= self.clock():
                raise AuthorizationNotFoundError()
            if authorization.status != PENDING:
                raise AuthorizationNotPendingError()
            client = await find_client(transaction, authorization.client_id)
            if client is None or not client.is_enabled:
                raise AuthorizationNotFoundError()
            return await decide(transaction, authorization, client)

    async def _approve(self, transaction: Transaction, authorization: Authorization, approver: Approver) -> Redirect:
        code = secrets.token_urlsafe(32)
        await mark_approved(transaction, authorization.id, hash_token(code), approver.session_id, self.clock())
        return self._redirect(authorization.redirect_uri, authorization.state, {"code": code})

    def _error_redirect(self, redirect_uri: str, state: str | None, error: OAuthProtocolError) -> Redirect:
        return self._redirect(redirect_uri, state, {"error": error.error, "error_description": error.message})

    def _redirect(self, redirect_uri: str, state: str | None, params: dict[str, str]) -> Redirect:
        # The issuer tells a client that uses several servers which of them has answered (RFC 9207).
        params = {**params, **({"state": state[:_MAX_STATE_LENGTH]} if state else {}), "iss": self.issuer}
        return Redirect(with_query(redirect_uri, params))


def _may_skip_prompt(authorization: Authorization, client: OAuthClient) -> bool:
    """Whether earlier consent is enough.

    A program on the person's machine could pretend to be a client without a secret (RFC 8252 §8.6), so it asks.
    """
    is_identifiable = client.is_confidential or is_web_uri(authorization.redirect_uri)
    is_trusted = client.registration_type != DYNAMIC or is_web_uri(authorization.redirect_uri)
    return is_identifiable and is_trusted and not authorization.requires_prompt


def _requested_scopes(text: str, client: OAuthClient) -> tuple[str, ...]:
    try:
        scopes = parse_scopes(text) or DEFAULT_SCOPES
    except ValueError as error:
        raise OAuthProtocolError("invalid_scope", str(error)) from None
    excess = [scope for scope in scopes if scope not in client.scopes]
    if excess:
        raise OAuthProtocolError("invalid_scope", f"the client is not registered for the scope: {excess[0]}")
    return scopes


def _challenge(params: Mapping[str, str]) -> PkceChallenge:
    """Return the PKCE challenge: required of every client, and only S256 (RFC 9700 §2.1.1)."""
    if params.get("code_challenge_method") != "S256":
        raise invalid_request("PKCE is required: code_challenge_method must be S256")
    value = params.get("code_challenge") or ""
    # 256 bits in base64url; PkceChallenge allows the longer plain ones too.
    if len(value) != 43:
        raise invalid_request("code_challenge must be the base64url of a SHA-256, 43 characters")
    try:
        challenge = PkceChallenge.parse(value, "s256")
    except InvalidAuthRequestError as error:
        raise invalid_request(error.message) from None
    assert challenge is not None  # both texts are there
    return challenge


def _requires_prompt(text: str) -> bool:
    prompts = {prompt for prompt in text.split(" ") if prompt}
    if not prompts <= _PROMPTS:
        raise invalid_request("prompt must be none, login, consent or select_account")
    if "none" in prompts:
        # Nobody is signed in at this endpoint, so nothing can be answered without asking (OpenID Connect §3.1.2.6).
        raise OAuthProtocolError("interaction_required", "the person must be asked")
    return bool(prompts)
