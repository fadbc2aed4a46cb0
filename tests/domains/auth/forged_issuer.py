"""A provider whose responses a test writes itself, valid or not."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import httpx
from joserfc import jws
from joserfc.jwk import ECKey, Key, RSAKey

from monynha.infra.outgoing_http import OutgoingHttp

CLIENT_ID = "monynha-client"
_RSA = RSAKey.generate_key(2048, {"kid": "rsa-1"})


def at_hash(access_token: str) -> str:
    """Return the left half of the hash of an access token, as RS256 has it."""
    return base64.urlsafe_b64encode(hashlib.sha256(access_token.encode()).digest()[:16]).rstrip(b"=").decode()


@dataclass
class ForgedIssuer:
    """An issuer without a network: its discovery document, keys and tokens are attributes."""

    issuer: str = "https://login.example.org"
    keys: list[Key] = field(default_factory=lambda: [_RSA])
    document: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signing_key: Key = field(default_factory=lambda: _RSA)
    token_response: Callable[[dict[str, Any]], httpx.Response] | None = None
    requests: list[httpx.Request] = field(default_factory=list)
    nonce: str = ""
    has_nonce_in_code: bool = False
    """Whether the nonce of a token is the code that it is exchanged for, as several browsers at once need."""
    user_info: dict[str, Any] | None = None

    @property
    def http(self) -> OutgoingHttp:
        """A client that reaches nobody else."""
        return OutgoingHttp(transport=httpx.MockTransport(self.respond))

    def paths(self) -> list[str]:
        """Return what was requested."""
        return [request.url.path for request in self.requests]

    def respond(self, request: httpx.Request) -> httpx.Response:
        """Return the response to a request of the program."""
        self.requests.append(request)
        match request.url.path.removeprefix(httpx.URL(self.issuer).path.rstrip("/")):
            case "/.well-known/openid-configuration":
                return httpx.Response(200, json=self.discovery_document())
            case "/jwks":
                return httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in self.keys]})
            case "/token":
                form = form_of(request)
                body = {
                    "access_token": "provider-access",
                    "refresh_token": "provider-refresh",
                    "token_type": "bearer",
                    "id_token": self.id_token(**({"nonce": form["code"]} if self.has_nonce_in_code else {})),
                }
                return self.token_response(body) if self.token_response else httpx.Response(200, json=body)
            case "/userinfo" if self.user_info is not None:
                return httpx.Response(200, json=self.user_info)
        return httpx.Response(404, json={})

    def discovery_document(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            **self.document,
        }

    def id_token(self, **changes: Any) -> str:
        """Return an ID token, valid but for the changes; `...` removes a claim."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "forged-1",
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": self.nonce,
            "at_hash": at_hash("provider-access"),
            **self.claims,
            **changes,
        }
        payload = json.dumps({name: value for name, value in claims.items() if value is not ...})
        algorithm = "ES256" if isinstance(self.signing_key, ECKey) else "RS256"
        header = {"alg": algorithm, "kid": self.signing_key.get("kid"), **self.header}
        header = {name: value for name, value in header.items() if value is not ...}
        return jws.serialize_compact(header, payload, self.signing_key, [header["alg"]])


def form_of(request: httpx.Request) -> dict[str, str]:
    """Return the form that a request has sent."""
    return {name: values[0] for name, values in parse_qs(request.content.decode()).items()}
