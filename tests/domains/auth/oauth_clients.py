"""What tests of the authorization server share: a registered application, and how it goes through the flow."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx

from tests.domains.auth.conftest import AuthApp

REDIRECT_URI = "https://reports.example/callback"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-0123"


def challenge_of(verifier: str) -> str:
    """Return the S256 challenge of a verifier (RFC 7636 §4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def query_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


@dataclass
class Application:
    """A registered application that asks people for access."""

    auth_app: AuthApp
    id: str
    secret: str | None
    method: str
    redirect_uri: str = REDIRECT_URI
    fields: dict[str, Any] = field(default_factory=dict)

    @classmethod
    async def register(cls, auth_app: AuthApp, **metadata: Any) -> Application:
        """Register an application with the service key: confidential, unless the metadata says otherwise."""
        body = {"client_name": "Reports", "redirect_uris": [REDIRECT_URI], **metadata}
        response = await auth_app.post("/admin/oauth/clients", body, auth_app.service_key)
        assert response.status_code == 201, response.text
        client = response.json()
        return cls(
            auth_app,
            client["client_id"],
            client.get("client_secret"),
            client["token_endpoint_auth_method"],
            client["redirect_uris"][0],
            client,
        )

    @property
    def client_id(self) -> UUID:
        return UUID(self.id)

    async def authorize(self, **params: str | None) -> httpx.Response:
        """Send a person's browser to the authorization endpoint; a parameter that is None is left out."""
        query = {
            "client_id": self.id,
            "redirect_uri": self.redirect_uri,
            "response_type": "code",
            "scope": "read email",
            "state": "state-1",
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            **params,
        }
        sent = {name: value for name, value in query.items() if value is not None}
        return await self.auth_app.get("/oauth/authorize", params=sent)

    async def start(self, **params: str | None) -> str:
        """Return the id of a new authorization."""
        response = await self.authorize(**params)
        assert response.status_code == 303, response.text
        return query_of(response.headers["location"])["authorization_id"]

    async def open(self, authorization_id: str, token: str) -> httpx.Response:
        """Show a person what is asked."""
        return await self.auth_app.get(f"/oauth/authorizations/{authorization_id}", token)

    async def decide(self, authorization_id: str, token: str, action: str = "approve") -> httpx.Response:
        """Decide in the name of a person."""
        return await self.auth_app.post(f"/oauth/authorizations/{authorization_id}/consent", {"action": action}, token)

    async def code_for(self, token: str, **params: str | None) -> str:
        """Return the code that the application gets once the person has approved."""
        authorization_id = await self.start(**params)
        opened = await self.open(authorization_id, token)
        assert opened.status_code == 200, opened.text
        url = opened.json().get("redirect_url")
        if url is None:
            decided = await self.decide(authorization_id, token)
            assert decided.status_code == 200, decided.text
            url = decided.json()["redirect_url"]
        return query_of(url)["code"]

    async def request_token(self, **params: str | None) -> httpx.Response:
        """Send a request to the token endpoint, authenticated as registered."""
        return await self.post_form("/oauth/token", **params)

    async def exchange(self, code: str, **params: str | None) -> httpx.Response:
        """Exchange a code."""
        body = {"code": code, "code_verifier": VERIFIER, "redirect_uri": self.redirect_uri, **params}
        return await self.request_token(grant_type="authorization_code", **body)

    async def refresh(self, refresh_token: str, **params: str | None) -> httpx.Response:
        """Refresh tokens."""
        return await self.request_token(grant_type="refresh_token", refresh_token=refresh_token, **params)

    async def revoke(self, token: str) -> httpx.Response:
        """Revoke a token."""
        return await self.post_form("/oauth/revoke", token=token)

    async def tokens_for(self, token: str, **params: str | None) -> dict[str, Any]:
        """Return the tokens that the application gets from a person."""
        response = await self.exchange(await self.code_for(token, **params))
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens

    async def post_form(self, path: str, **params: str | None) -> httpx.Response:
        """Send a form with the application's credentials."""
        form = {name: value for name, value in params.items() if value is not None}
        headers = {}
        if self.method == "client_secret_basic":
            credentials = f"{self.id}:{self.secret}"
            headers["authorization"] = f"Basic {base64.b64encode(credentials.encode()).decode()}"
        elif self.method == "client_secret_post":
            form |= {"client_id": self.id, "client_secret": self.secret or ""}
        else:
            form.setdefault("client_id", self.id)
        return await self.auth_app.request("POST", path, data=form, headers=headers)
