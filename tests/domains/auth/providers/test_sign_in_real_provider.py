"""Signing in with a certified OpenID Connect provider, through its own pages."""

from __future__ import annotations

import base64
import hashlib
from uuid import uuid4

from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.provider_fixtures import SITE, MakeBrowser, RealProvider, fragment_of, location_of, query_of

VERIFIER = "a-verifier-of-the-client-that-is-long-enough-for-pkce"
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


async def test_a_new_person_signs_in_and_gets_an_account(
    real_app: AuthApp, real_provider: RealProvider, make_browser: MakeBrowser
) -> None:
    subject, email = uuid4().hex, new_email()
    await real_provider.set_account(subject, email=email, email_verified=True, name="Ada Lovelace")
    browser = make_browser(real_app)

    begun = await browser.begin(f"provider=keycloak&redirect_to={SITE}/board")
    back = await browser.visit(location_of(begun), subject)
    ended = location_of(await browser.open(back))

    fragment = fragment_of(ended)
    assert ended.startswith(f"{SITE}/board#")
    assert fragment["token_type"] == "bearer"
    assert fragment["provider_token"]
    user = (await real_app.get("/user", fragment["access_token"])).json()
    assert (user["email"], user["user_metadata"]["name"]) == (email, "Ada Lovelace")
    assert user["app_metadata"] == {"provider": "keycloak", "providers": ["keycloak"]}
    assert [identity["provider"] for identity in user["identities"]] == ["keycloak"]
    assert user["identities"][0]["id"] == subject
    assert user["email_confirmed_at"]


async def test_a_pkce_client_gets_a_code_and_the_providers_token_with_the_session(
    real_app: AuthApp, real_provider: RealProvider, make_browser: MakeBrowser
) -> None:
    subject, email = uuid4().hex, new_email()
    await real_provider.set_account(subject, email=email, email_verified=True)
    browser = make_browser(real_app)
    challenge = f"code_challenge={CHALLENGE}&code_challenge_method=s256"

    begun = await browser.begin(f"provider=keycloak&redirect_to={SITE}/&{challenge}")
    back = await browser.visit(location_of(begun), subject)
    ended = location_of(await browser.open(back))
    code = query_of(ended)["code"]
    wrong = await real_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": VERIFIER[::-1]})
    again = await real_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": VERIFIER})

    assert fragment_of(ended) == {}
    assert wrong.json()["error_code"] == "bad_code_verifier"
    assert again.json()["error_code"] == "flow_state_not_found"

    begun = await browser.begin(f"provider=keycloak&redirect_to={SITE}/&{challenge}")
    back = await browser.visit(location_of(begun), subject)
    code = query_of(location_of(await browser.open(back)))["code"]
    session = (await real_app.post("/token?grant_type=pkce", {"auth_code": code, "code_verifier": VERIFIER})).json()
    refreshed = (await real_app.refresh(session["refresh_token"])).json()

    assert session["provider_token"]
    assert session["user"]["email"] == email
    assert "provider_token" not in refreshed
