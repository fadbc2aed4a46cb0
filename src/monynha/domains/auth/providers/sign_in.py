"""Signing in with a provider: the visit of a browser, and the ID token of an app."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from monynha.core.clock import Clock
from monynha.core.errors import AppError
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.errors import BannedAtSignInError, InvalidAuthRequestError
from monynha.domains.auth.providers.account_linking import AccountLinking
from monynha.domains.auth.providers.catalog import provider_key
from monynha.domains.auth.providers.errors import (
    BadOAuthCallbackError,
    OAuthError,
    ProviderDisabledError,
    ProviderUnavailableError,
)
from monynha.domains.auth.providers.flows import Flow, FlowStore, new_token
from monynha.domains.auth.providers.id_tokens import InvalidIdTokenError
from monynha.domains.auth.providers.identities import IdentityService
from monynha.domains.auth.providers.oidc_provider import OidcProvider
from monynha.domains.auth.providers.provider import (
    AuthorizationRequest,
    CodeGrant,
    Provider,
    ProviderProfile,
    ProviderTokens,
)
from monynha.domains.auth.services.sessions import OAUTH_METHOD, ClientInfo, IssuedSession, SessionService
from monynha.domains.auth.services.verification import AuthorizationCode
from monynha.domains.auth.tokens.one_time_tokens import OneTimeTokenStore
from monynha.infra.postgres.database import Transaction

_MAX_ERROR_LENGTH = 200
_log = logging.getLogger("monynha.auth")


@dataclass(frozen=True, slots=True)
class ClientParameters:
    """What a client adds to the request to the provider."""

    scopes: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the provider sent through the browser (RFC 6749 §4.1.2, RFC 9207)."""

    code: str | None = field(default=None, repr=False)
    error: str | None = None
    error_description: str | None = None
    issuer: str | None = None
    user_json: str | None = None


@dataclass(frozen=True, slots=True)
class IdTokenRequest:
    """An ID token that an app got from the provider itself, and what proves that it was made for this sign-in."""

    provider: str
    id_token: str = field(repr=False)
    access_token: str | None = field(default=None, repr=False)
    nonce: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class ProviderSignInService:
    """Signs people in with the providers that are on."""

    providers: Mapping[str, Provider]
    flows: FlowStore
    linking: AccountLinking
    identities: IdentityService
    accounts: AccountRepository
    sessions: SessionService
    one_time_tokens: OneTimeTokenStore
    clock: Clock
    exchange_timeout_s: float = 10.0
    """How long a provider may take for all of its responses: less than the deadline of a write."""

    def require(self, name: str) -> Provider:
        """Return a provider by its name in a request; raise ProviderDisabledError if it is not on."""
        provider = self.providers.get(provider_key(name))
        if provider is None:
            raise ProviderDisabledError()
        return provider

    @property
    def names(self) -> tuple[str, ...]:
        """The providers that are on."""
        return tuple(provider.name for provider in self.providers.values())

    async def begin(self, flow: Flow, client: ClientParameters, browser: str) -> str:
        """Return the URL of the provider for a browser that signs in."""
        provider = self.require(flow.provider)
        state = new_token()
        url = await provider.authorization_url(self._request(state, client))
        async with self.accounts.transaction() as transaction:
            await self.flows.begin(transaction, flow, state, browser)
        return url

    async def prepare_linking(self, flow: Flow) -> str:
        """Return the ticket with which a browser adds a provider to the account of the flow."""
        self.identities.require_enabled()
        self.require(flow.provider)
        async with self.accounts.transaction() as transaction:
            return await self.flows.prepare(transaction, flow)

    async def begin_linking(self, ticket: str, client: ClientParameters, browser: str) -> str:
        """Return the URL of the provider for a browser that has a ticket; raise BadOAuthCallbackError."""
        async with self.accounts.transaction() as transaction:
            begun = await self.flows.begin_prepared(transaction, ticket, browser)
        if begun is None:
            raise BadOAuthCallbackError("The link to add a provider is not valid any more")
        state, provider = begun
        return await self.require(provider).authorization_url(self._request(state, client))

    async def end(self, state: str, browser: str) -> Flow | None:
        """Return the visit of a state and delete it; None if it is unknown, expired or another browser's."""
        async with self.accounts.transaction() as transaction:
            return await self.flows.end(transaction, state, browser)

    async def finish(
        self, flow: Flow, state: str, response: AuthorizationResponse, client: ClientInfo
    ) -> IssuedSession | AuthorizationCode:
        """Sign in whoever the provider says has come back, or add the provider to their account.

        Raise an AuthError; OAuthError holds what the provider answered instead.
        """
        try:
            return await self._finish(flow, state, response, client)
        except AppError as error:
            await self._record_failure(flow.provider, error)
            raise

    async def _finish(
        self, flow: Flow, state: str, response: AuthorizationResponse, client: ClientInfo
    ) -> IssuedSession | AuthorizationCode:
        provider = self.require(flow.provider)
        await provider.require_issuer(response.issuer)
        if response.error:
            description = _printable(response.error_description or "")
            raise OAuthError(_printable(response.error), description or "The provider did not sign you in")
        if not response.code:
            raise BadOAuthCallbackError("OAuth callback with missing authorization code missing")
        grant = CodeGrant(
            response.code, self.flows.code_verifier(state), self.flows.nonce(state), user_json=response.user_json
        )
        try:
            async with asyncio.timeout(self.exchange_timeout_s):
                profile, tokens = await provider.exchange(grant)
        except TimeoutError:
            _log.warning("the provider %s does not respond in time", provider.name)
            raise ProviderUnavailableError() from None
        async with self.accounts.transaction() as transaction:
            account = await self._account(transaction, flow, provider, profile)
            if account.is_banned(self.clock()):
                raise BannedAtSignInError()
            handed_over = _handed_over(tokens)
            if flow.challenge is not None:
                code = await self.one_time_tokens.issue_authorization_code(
                    transaction, account.id, flow.challenge, OAUTH_METHOD, provider_tokens=handed_over
                )
                return AuthorizationCode(code)
            issued = await self.sessions.create_in(transaction, account, client, method=OAUTH_METHOD)
        return replace(issued, provider_tokens=handed_over)

    async def sign_in_with_id_token(
        self, request: IdTokenRequest, client: ClientInfo, linking: Flow | None = None
    ) -> IssuedSession:
        """Return a session for the person whom an ID token names; `linking` adds the provider to an account.

        Raise OAuthError for a token that is not valid, or another AuthError.
        """
        provider = self.require(request.provider)
        if not isinstance(provider, OidcProvider):
            raise InvalidAuthRequestError(f"The provider {provider.name} has no ID tokens")
        try:
            return await self._sign_in_with_id_token(provider, request, client, linking)
        except AppError as error:
            await self._record_failure(provider.name, error)
            raise

    async def _sign_in_with_id_token(
        self, provider: OidcProvider, request: IdTokenRequest, client: ClientInfo, linking: Flow | None
    ) -> IssuedSession:
        profile = await self._verify_id_token(provider, request)
        async with self.accounts.transaction() as transaction:
            flow = linking or Flow(request.provider, "")
            account = await self._account(transaction, flow, provider, profile)
            return await self.sessions.create_in(transaction, account, client, method=OAUTH_METHOD)

    async def _verify_id_token(self, provider: OidcProvider, request: IdTokenRequest) -> ProviderProfile:
        try:
            claims = await provider.id_tokens.verify(
                request.id_token, audiences=provider.client_ids, access_token=request.access_token
            )
        except InvalidIdTokenError as error:
            _log.info("an ID token of the provider %s is not valid: %s", provider.name, error)
            if str(error) == "aud":
                raise OAuthError("invalid request", "Unacceptable audience in id_token") from None
            raise OAuthError("invalid request", "Bad ID token") from None
        nonce = claims.get("nonce") or None
        if (nonce is None) != (request.nonce is None):
            message = "Passed nonce and nonce in id_token should either both exist or not."
            raise OAuthError("invalid request", message)
        if request.nonce is not None:
            # The app sends the nonce itself, and the provider saw its hash: a stolen token does not tell it.
            digest = hashlib.sha256(request.nonce.encode()).hexdigest()
            if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), digest.encode()):
                raise OAuthError("invalid nonce", "Nonces mismatch")
        return provider.profile(claims)

    async def _account(
        self, transaction: Transaction, flow: Flow, provider: Provider, profile: ProviderProfile
    ) -> Account:
        if flow.linking_user_id is None:
            return await self.linking.account_for(transaction, provider.name, profile)
        return await self.identities.link(
            transaction, flow.linking_user_id, flow.linking_session_id, provider.name, profile
        )

    async def _record_failure(self, provider: str, error: AppError) -> None:
        """Record a failed sign-in in a transaction of its own."""
        reason = error.error if isinstance(error, OAuthError) else error.code
        async with self.accounts.transaction() as transaction:
            await record_audit_event(
                transaction,
                "sign_in.failed",
                actor_role="anon",
                details={"method": OAUTH_METHOD, "provider": provider, "reason": reason},
            )

    def _request(self, state: str, client: ClientParameters) -> AuthorizationRequest:
        return AuthorizationRequest(
            state,
            self.flows.nonce(state),
            self.flows.code_challenge(state),
            scopes=client.scopes,
            parameters=client.parameters,
        )


def _handed_over(tokens: ProviderTokens) -> dict[str, str]:
    """Return the provider's tokens as a client receives them, once."""
    refresh_token = {"provider_refresh_token": tokens.refresh_token} if tokens.refresh_token else {}
    return {"provider_token": tokens.access_token, **refresh_token}


def _printable(text: str) -> str:
    """Return what a provider wrote as the site shows it: RFC 6749 §4.1.2.1 allows printable ASCII only."""
    return "".join(letter for letter in text if " " <= letter <= "~")[:_MAX_ERROR_LENGTH]
