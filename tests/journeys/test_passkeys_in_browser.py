"""Passkeys and security keys in Chromium, with its virtual authenticator."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import Page

from tests.browser import add_authenticator, needs_chromium, open_page
from tests.domains.auth.second_factors import claims_of

pytestmark = [pytest.mark.anyio, needs_chromium]

_SCRIPT = """
async ([path, body, token, method]) => {
  const headers = {'content-type': 'application/json', ...(token && {authorization: `Bearer ${token}`})}
  const response = await fetch(`/auth/v1${path}`, {method, headers, body: JSON.stringify(body)})
  return {status: response.status, body: response.status === 204 ? null : await response.json()}
}
"""
_CREATE = """
async (options) => {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  return (await navigator.credentials.create({publicKey})).toJSON()
}
"""
_GET = """
async (options) => {
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
  try {
    return (await navigator.credentials.get({publicKey})).toJSON()
  } catch (error) {
    return {error: error.name}
  }
}
"""


async def send(page: Page, path: str, body: Any = None, token: str = "", method: str = "POST") -> dict[str, Any]:
    """Send a request from the page and return the body of its response, which must be a success."""
    response = await page.evaluate(_SCRIPT, [path, body or {}, token, method])
    assert response["status"] in (200, 204), response
    return response["body"] or {}


async def sign_up(page: Page) -> dict[str, Any]:
    body = {"email": f"ada-{uuid4().hex[:12]}@example.com", "password": "correct horse battery"}
    return await send(page, "/signup", body)


async def test_a_passkey_of_the_browser_signs_in(address: str) -> None:
    async with open_page(f"http://localhost:{address.partition(':')[2]}/healthz") as page:
        cdp, authenticator_id = await add_authenticator(page)
        session = await sign_up(page)
        token = session["access_token"]
        registration = await send(page, "/passkeys/registration/options", token=token)
        credential = await page.evaluate(_CREATE, registration["options"])
        body = {"challenge_id": registration["challenge_id"], "credential": credential}
        created = await send(page, "/passkeys/registration/verify", body, token)

        sign_in = await send(page, "/passkeys/authentication/options")
        assertion = await page.evaluate(_GET, sign_in["options"])
        body = {"challenge_id": sign_in["challenge_id"], "credential": assertion}
        signed_in = await send(page, "/passkeys/authentication/verify", body)
        replayed = await page.evaluate(_SCRIPT, ["/passkeys/authentication/verify", body, "", "POST"])

        await cdp.send("WebAuthn.setUserVerified", {"authenticatorId": authenticator_id, "isUserVerified": False})
        unverified = await page.evaluate(_GET, (await send(page, "/passkeys/authentication/options"))["options"])

    assert created["friendly_name"] == "Passkey"
    assert signed_in["user"]["id"] == session["user"]["id"]
    assert claims_of(signed_in["access_token"])["amr"][0]["method"] == "passkey"
    assert (replayed["status"], replayed["body"]["error_code"]) == (400, "webauthn_challenge_not_found")
    # The options demand that the authenticator verifies its user.
    assert unverified == {"error": "NotAllowedError"}


async def test_a_security_key_of_the_browser_is_a_second_factor(address: str) -> None:
    async with open_page(f"http://localhost:{address.partition(':')[2]}/healthz") as page:
        await add_authenticator(page, hasResidentKey=False)
        session = await sign_up(page)
        body = {"factor_type": "webauthn", "friendly_name": "Key"}
        factor = await send(page, "/factors", body, session["access_token"])
        for kind, script in (("create", _CREATE), ("request", _GET)):
            token = session["access_token"]
            challenge = await send(page, f"/factors/{factor['id']}/challenge", token=token)
            assert challenge["webauthn"]["type"] == kind
            credential = await page.evaluate(script, challenge["webauthn"]["credential_options"]["publicKey"])
            answer = {"type": kind, "credential_response": credential}
            verification = {"challenge_id": challenge["id"], "webauthn": answer}
            session = await send(page, f"/factors/{factor['id']}/verify", verification, token)

    claims = claims_of(session["access_token"])
    assert (claims["aal"], claims["amr"][0]["method"]) == ("aal2", "mfa/webauthn")
    assert [factor["status"] for factor in session["user"]["factors"]] == ["verified"]
