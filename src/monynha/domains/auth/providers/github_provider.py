"""GitHub: OAuth 2.0 without ID tokens, so that the person is read from its API."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from monynha.domains.auth.providers.errors import BadOAuthCallbackError, BadProviderTokenError, CodeExchangeError
from monynha.domains.auth.providers.profiles import is_email_verified, profile_from_claims
from monynha.domains.auth.providers.provider import (
    AuthorizationRequest,
    CodeGrant,
    ProviderProfile,
    ProviderTokens,
    authorization_query,
)
from monynha.infra.outgoing_http import JsonResponse, OutgoingHttp, OutgoingRequestError

PUBLIC_SITE = "https://github.com"
_PUBLIC_API = "https://api.github.com"
_SCOPES = ["read:user", "user:email"]
_log = logging.getLogger("monynha.auth")


@dataclass(frozen=True)
class GitHubProvider:
    """GitHub, or a GitHub Enterprise server at `site`."""

    client_id: str
    client_secret: str
    redirect_uri: str
    http: OutgoingHttp
    scopes: tuple[str, ...] = ()
    site: str = PUBLIC_SITE
    name: str = "github"

    @property
    def api(self) -> str:
        """Where its API is."""
        return _PUBLIC_API if self.site == PUBLIC_SITE else f"{self.site}/api/v3"

    async def authorization_url(self, request: AuthorizationRequest) -> str:
        """Return the URL that asks the person to sign in."""
        query = authorization_query(self.client_id, self.redirect_uri, request, [*_SCOPES, *self.scopes])
        return f"{self.site}/login/oauth/authorize?{query}"

    async def require_issuer(self, issuer: str | None) -> None:
        """Raise BadOAuthCallbackError if the response names another issuer (RFC 9207); GitHub names none."""
        if issuer not in (None, self.site, f"{self.site}/login/oauth"):
            raise BadOAuthCallbackError("OAuth callback of another issuer")

    async def exchange(self, grant: CodeGrant) -> tuple[ProviderProfile, ProviderTokens]:
        """Return who has signed in, and the provider's tokens; raise an AuthError."""
        tokens = await self._redeem(grant)
        user = (await self._get("/user", tokens)).fields
        emails = (await self._get("/user/emails", tokens)).body
        # The number lasts; a login can be given up and taken by somebody else.
        user_id = user.get("id")
        if not isinstance(user_id, int) or isinstance(user_id, bool) or not isinstance(emails, list):
            raise BadProviderTokenError("Error getting user profile from external provider")
        email, is_verified = _select_email(emails)
        claims: dict[str, object] = {
            "iss": self.api,
            "sub": str(user_id),
            "name": user.get("name") or user.get("login"),
            "user_name": user.get("login"),
            "preferred_username": user.get("login"),
            "picture": user.get("avatar_url"),
            "email": email,
            "email_verified": is_verified,
        }
        return profile_from_claims(claims, is_email_verified), tokens

    async def _redeem(self, grant: CodeGrant) -> ProviderTokens:
        form = {
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "code": grant.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": grant.code_verifier,
        }
        try:
            response = await self.http.fetch_json("POST", f"{self.site}/login/oauth/access_token", form=form)
        except OutgoingRequestError as error:
            _log.warning("the provider github does not exchange a code: %s", error)
            raise CodeExchangeError() from None
        # A refusal has the status 200 too.
        access_token, refresh_token = (response.fields.get(name) for name in ("access_token", "refresh_token"))
        if response.status != 200 or not isinstance(access_token, str):
            _log.warning("the provider github does not exchange a code: %.50r", response.fields.get("error"))
            raise CodeExchangeError()
        return ProviderTokens(access_token, refresh_token if isinstance(refresh_token, str) else None)

    async def _get(self, path: str, tokens: ProviderTokens) -> JsonResponse:
        headers = {"authorization": f"Bearer {tokens.access_token}", "accept": "application/vnd.github+json"}
        try:
            response = await self.http.fetch_json("GET", self.api + path, headers=headers)
        except OutgoingRequestError as error:
            _log.warning("the provider github does not describe the person: %s", error)
            raise BadProviderTokenError("Error getting user profile from external provider") from None
        if response.status != 200:
            _log.warning("the provider github does not describe the person: status %d", response.status)
            raise BadProviderTokenError("Error getting user profile from external provider")
        return response


def _select_email(emails: Sequence[object]) -> tuple[str | None, bool]:
    """Return the primary address if it is verified, else the first that is, else the primary one unverified."""
    addresses = [
        (entry["email"], entry.get("verified") is True, entry.get("primary") is True)
        for entry in emails
        if isinstance(entry, dict) and isinstance(entry.get("email"), str)
    ]
    if not addresses:
        return None, False
    email, is_verified, _ = max(addresses, key=lambda address: (address[1], address[2]))
    return email, is_verified
