"""Users with second factors, for tests of /auth/v1."""

from __future__ import annotations

from base64 import b32decode, urlsafe_b64decode
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from monynha.domains.auth.factors import totp
from tests.domains.auth.authenticator import Authenticator
from tests.domains.auth.conftest import AuthApp


@dataclass
class FactorUser:
    """A signed-in user; `session` is the latest response with tokens."""

    app: AuthApp
    session: dict[str, Any]
    factor_id: str = ""
    secret: bytes = b""

    @classmethod
    async def sign_up(cls, app: AuthApp) -> FactorUser:
        return cls(app, await app.sign_up())

    @classmethod
    async def with_totp(cls, app: AuthApp) -> FactorUser:
        """Sign up, enrol a TOTP factor and verify it; the next code is valid 30 seconds later."""
        user = await cls.sign_up(app)
        await user.enrol_totp()
        await user.verify_totp()
        return user

    @property
    def id(self) -> str:
        return str(self.session["user"]["id"])

    @property
    def email(self) -> str:
        return str(self.session["user"]["email"])

    @property
    def token(self) -> str:
        return str(self.session["access_token"])

    @property
    def claims(self) -> dict[str, Any]:
        return claims_of(self.token)

    @property
    def code(self) -> str:
        """The code that the user's app shows now."""
        return totp.code_at(self.secret, int(self.app.clock().timestamp()) // totp.PERIOD_S)

    async def enrol_totp(self, **fields: Any) -> httpx.Response:
        response = await self.app.post("/factors", {"factor_type": "totp", **fields}, self.token)
        if response.status_code == 200:
            self.factor_id = response.json()["id"]
            self.secret = b32decode(response.json()["totp"]["secret"])
        return response

    async def challenge(self, factor_id: str = "", token: str = "") -> str:
        path = f"/factors/{factor_id or self.factor_id}/challenge"
        response = await self.app.post(path, {}, token or self.token)
        assert response.status_code == 200, response.text
        return str(response.json()["id"])

    async def verify(self, code: str, challenge_id: str, *, factor_id: str = "", token: str = "") -> httpx.Response:
        path, body = f"/factors/{factor_id or self.factor_id}/verify", {"challenge_id": challenge_id, "code": code}
        return await self.app.post(path, body, token or self.token)

    async def verify_totp(self) -> dict[str, Any]:
        """Verify the TOTP factor in the next period, and continue with the tokens of the response."""
        self.app.clock.advance(totp.PERIOD_S)
        response = await self.verify(self.code, await self.challenge())
        assert response.status_code == 200, response.text
        self.session = response.json()
        return self.session

    async def sign_in(self) -> FactorUser:
        """Return the same user in another session at aal1."""
        response = await self.app.sign_in(self.email)
        assert response.status_code == 200, response.text
        return FactorUser(self.app, response.json(), self.factor_id, self.secret)

    async def add_webauthn(self, authenticator: Authenticator, **fields: Any) -> str:
        """Enrol a WebAuthn factor, verify it and return its id."""
        factor = await self.app.post("/factors", {"factor_type": "webauthn", **fields}, self.token)
        assert factor.status_code == 200, factor.text
        factor_id = str(factor.json()["id"])
        challenge = await self.webauthn_challenge(factor_id)
        credential = authenticator.create(challenge["webauthn"]["credential_options"]["publicKey"])
        response = await self.answer(factor_id, challenge["id"], "create", credential)
        assert response.status_code == 200, response.text
        self.session = response.json()
        return factor_id

    async def webauthn_challenge(self, factor_id: str) -> dict[str, Any]:
        response = await self.app.post(f"/factors/{factor_id}/challenge", {}, self.token)
        assert response.status_code == 200, response.text
        challenge: dict[str, Any] = response.json()
        return challenge

    async def answer(self, factor_id: str, challenge_id: str, type: str, credential: dict[str, Any]) -> httpx.Response:
        body = {"challenge_id": challenge_id, "webauthn": {"type": type, "credential_response": credential}}
        return await self.app.post(f"/factors/{factor_id}/verify", body, self.token)

    async def factors(self) -> list[dict[str, Any]]:
        response = await self.app.get("/user", self.token)
        assert response.status_code == 200, response.text
        factors: list[dict[str, Any]] = response.json().get("factors", [])
        return factors


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a token without verifying it."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = orjson.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
