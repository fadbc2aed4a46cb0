"""OpenID Connect providers: Google, GitLab, Microsoft, Apple, and any issuer."""

from __future__ import annotations

import hmac
import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote_plus, urlencode

from monynha.domains.auth.providers.discovery import TENANT_PLACEHOLDER, Discovery, ProviderMetadata
from monynha.domains.auth.providers.errors import (
    BadOAuthCallbackError,
    BadProviderTokenError,
    CodeExchangeError,
)
from monynha.domains.auth.providers.id_tokens import IdTokenVerifier, InvalidIdTokenError
from monynha.domains.auth.providers.profiles import EmailTrust, profile_from_claims, with_apple_name
from monynha.domains.auth.providers.provider import (
    AuthorizationRequest,
    CodeGrant,
    ProviderProfile,
    ProviderTokens,
    authorization_query,
)
from monynha.infra.outgoing_http import OutgoingHttp, OutgoingRequestError

_log = logging.getLogger("monynha.auth")


@dataclass(frozen=True)
class OidcProvider:
    """A provider that signs ID tokens."""

    name: str
    client_ids: tuple[str, ...]
    client_secret: Callable[[], str]
    redirect_uri: str
    scopes: tuple[str, ...]
    is_email_verified: EmailTrust
    discovery: Discovery
    id_tokens: IdTokenVerifier
    http: OutgoingHttp
    response_mode: str | None = None
    custom_claims: tuple[str, ...] = ()

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL that asks the person to sign in; raise ProviderUnavailableError."""
        metadata = await self.discovery.metadata()
        query = authorization_query(self.client_ids[0], self.redirect_uri, request, [*self.scopes])
        mode = {"response_mode": self.response_mode} if self.response_mode else {}
        extra = urlencode({"nonce": request.nonce, **mode})
        separator = "&" if "?" in metadata.authorization_endpoint else "?"
        return f"{metadata.authorization_endpoint}{separator}{query}&{extra}"

    async def require_issuer(self, issuer: str | None) -> None:
        """Raise BadOAuthCallbackError if the `iss` of a response is not this provider's (RFC 9207 §2.4)."""
        metadata = await self.discovery.metadata()
        if issuer is None and not metadata.sends_issuer:
            return
        if issuer not in (metadata.issuer, *self.id_tokens.other_issuers) and TENANT_PLACEHOLDER not in metadata.issuer:
            raise BadOAuthCallbackError("OAuth callback of another issuer")

    async def exchange(self, grant: CodeGrant) -> tuple[ProviderProfile, ProviderTokens]:
        """Return who has signed in, and the provider's tokens; raise an AuthError."""
        metadata = await self.discovery.metadata()
        fields = await self._redeem(metadata, grant)
        access_token, id_token, refresh_token = (
            fields.get(name) for name in ("access_token", "id_token", "refresh_token")
        )
        if not isinstance(access_token, str) or not isinstance(id_token, str):
            _log.warning("the provider %s sends no ID token", self.name)
            raise BadProviderTokenError()
        try:
            claims = await self.id_tokens.verify(id_token, audiences=self.client_ids[:1], access_token=access_token)
            nonce = claims.get("nonce")
            if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), grant.nonce.encode()):
                raise InvalidIdTokenError("nonce")
        except InvalidIdTokenError as error:
            _log.warning("an ID token of the provider %s is not valid: %s", self.name, error)
            raise BadProviderTokenError() from None
        claims = await self._with_user_info(metadata, claims, access_token)
        profile = self.profile(claims, grant.user_json)
        return profile, ProviderTokens(access_token, refresh_token if isinstance(refresh_token, str) else None)

    def profile(self, claims: dict[str, object], user_json: str | None = None) -> ProviderProfile:
        """Return the profile in verified claims."""
        try:
            named_claims = with_apple_name(claims, user_json)
            return profile_from_claims(named_claims, self.is_email_verified, self.custom_claims)
        except ValueError:
            raise BadProviderTokenError() from None

    async def _redeem(self, metadata: ProviderMetadata, grant: CodeGrant) -> dict[str, object]:
        """Return the token response for a code (RFC 6749 §4.1.3)."""
        client_id, secret = self.client_ids[0], self.client_secret()
        form = {
            "grant_type": "authorization_code",
            "code": grant.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": grant.code_verifier,
        }
        headers = {}
        if metadata.uses_basic_authentication:
            # RFC 6749 §2.3.1 has both encoded as forms are.
            pair = f"{quote_plus(client_id)}:{quote_plus(secret)}"
            headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": client_id, "client_secret": secret}
        try:
            response = await self.http.fetch_json("POST", metadata.token_endpoint, form=form, headers=headers)
        except OutgoingRequestError as error:
            _log.warning("the provider %s does not exchange a code: %s", self.name, error)
            raise CodeExchangeError() from None
        if response.status != 200:
            problem = response.fields.get("error")
            _log.warning("the provider %s does not exchange a code: %.50r", self.name, problem)
            raise CodeExchangeError()
        return dict(response.fields)

    async def _with_user_info(
        self, metadata: ProviderMetadata, claims: dict[str, object], access_token: str
    ) -> dict[str, object]:
        """Return the claims with those of the user endpoint, where the ID token has no address (§5.3, §5.4)."""
        if "email" in claims or metadata.userinfo_endpoint is None:
            return claims
        headers = {"authorization": f"Bearer {access_token}"}
        try:
            response = await self.http.fetch_json("GET", metadata.userinfo_endpoint, headers=headers)
        except OutgoingRequestError as error:
            _log.warning("the provider %s does not describe the person: %s", self.name, error)
            raise BadProviderTokenError("Error getting user profile from external provider") from None
        # §5.3.2: another `sub` is another person.
        if response.status != 200 or response.fields.get("sub") != claims.get("sub"):
            _log.warning("the provider %s describes another person", self.name)
            raise BadProviderTokenError("Error getting user profile from external provider")
        # The address and what is said of it come from one place.
        signed_claims = {name: value for name, value in claims.items() if name != "email_verified"}
        return {**response.fields, **signed_claims}
