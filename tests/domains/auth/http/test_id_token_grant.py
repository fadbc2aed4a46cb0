"""Apps that sign in with an ID token that the provider gave them."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import uuid4

import pytest

from monynha.core.settings.oauth_providers import OAuthProviderSettings
from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer, at_hash
from tests.domains.auth.provider_fixtures import CLIENT_ID, MakeProviderApp, oidc_settings

NONCE = "a nonce of the app"
HASHED_NONCE = hashlib.sha256(NONCE.encode()).hexdigest()
ANDROID_CLIENT = "the-android-app"


@pytest.fixture
def app(make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer) -> AuthApp:
    settings = oidc_settings(forged_issuer.issuer, client_ids=(CLIENT_ID, ANDROID_CLIENT))
    github = OAuthProviderSettings("github", ("id",), "secret")
    return make_provider_app(settings, github, outgoing_http=forged_issuer.http, manual_linking=True)


@pytest.fixture
def person(forged_issuer: ForgedIssuer) -> dict[str, Any]:
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True, "nonce": HASHED_NONCE}
    return forged_issuer.claims


async def grant(app: AuthApp, token: str, bearer: str | None = None, **fields: Any) -> Any:
    body = {"provider": "keycloak", "id_token": token, **fields}
    return await app.post("/token?grant_type=id_token", body, bearer)


@pytest.mark.parametrize("audience", [CLIENT_ID, ANDROID_CLIENT])
async def test_app_signs_in_with_the_token_of_an_accepted_client(
    app: AuthApp, forged_issuer: ForgedIssuer, person: dict[str, Any], audience: str
) -> None:
    response = await grant(app, forged_issuer.id_token(aud=audience), nonce=NONCE)
    session = response.json()

    assert response.status_code == 200
    assert session["user"]["email"] == person["email"]
    assert session["refresh_token"]
    assert "provider_token" not in session
    again = await grant(app, forged_issuer.id_token(azp=ANDROID_CLIENT), nonce=NONCE)
    assert again.json()["user"]["id"] == session["user"]["id"]


@pytest.mark.parametrize(
    ("changes", "fields", "error", "description"),
    [
        ({"aud": "somebody-else"}, {}, "invalid request", "Unacceptable audience in id_token"),
        ({"azp": "somebody-else"}, {}, "invalid request", "Bad ID token"),
        ({"exp": 1}, {}, "invalid request", "Bad ID token"),
        ({"iss": "https://evil.example"}, {}, "invalid request", "Bad ID token"),
        ({"nonce": ...}, {}, "invalid request", "Passed nonce and nonce in id_token should either both exist or not."),
        (
            {},
            {"nonce": None},
            "invalid request",
            "Passed nonce and nonce in id_token should either both exist or not.",
        ),
        ({}, {"nonce": "another"}, "invalid nonce", "Nonces mismatch"),
        ({}, {"nonce": HASHED_NONCE}, "invalid nonce", "Nonces mismatch"),
        ({"nonce": NONCE}, {}, "invalid nonce", "Nonces mismatch"),
        ({"nonce": ["x"]}, {}, "invalid nonce", "Nonces mismatch"),
        ({}, {"access_token": "another"}, "invalid request", "Bad ID token"),
        ({}, {"provider": ""}, "invalid request", "provider required"),
        ({}, {"id_token": ""}, "invalid request", "id_token required"),
        ({}, {"id_token": "x"}, "invalid request", "Bad ID token"),
        ({}, {"link_identity": True}, "invalid request", "Linking requires a valid user access token in Authorization"),
    ],
)
async def test_token_that_is_not_for_this_sign_in_is_refused(
    app: AuthApp,
    forged_issuer: ForgedIssuer,
    person: dict[str, Any],
    changes: dict[str, Any],
    fields: dict[str, Any],
    error: str,
    description: str,
) -> None:
    response = await grant(app, forged_issuer.id_token(**changes), **{"nonce": NONCE, **fields})

    assert (response.status_code, response.json()) == (400, {"error": error, "error_description": description})
    assert not await app.auth.accounts.exists(person["email"])


async def test_access_token_that_belongs_to_the_id_token_is_accepted(
    app: AuthApp, forged_issuer: ForgedIssuer, person: dict[str, Any]
) -> None:
    token = forged_issuer.id_token(at_hash=at_hash("of the app"))

    assert (await grant(app, token, nonce=NONCE, access_token="of the app")).status_code == 200


async def test_provider_without_id_tokens_or_that_is_off_is_refused(app: AuthApp, forged_issuer: ForgedIssuer) -> None:
    responses = [await grant(app, forged_issuer.id_token(), provider=name) for name in ("github", "google", "custom:x")]

    assert [response.status_code for response in responses] == [400] * 3
    assert [response.json()["error_code"] for response in responses] == [
        "validation_failed",
        "provider_disabled",
        "provider_disabled",
    ]
    assert "not enabled" in responses[1].json()["msg"]


async def test_signed_in_user_adds_the_identity_of_a_token(
    app: AuthApp, forged_issuer: ForgedIssuer, person: dict[str, Any]
) -> None:
    user = await app.create_user()
    session = (await app.sign_in(user["email"])).json()
    fields = {"nonce": NONCE, "link_identity": True}

    linked = (await grant(app, forged_issuer.id_token(), session["access_token"], **fields)).json()
    again = await grant(app, forged_issuer.id_token(), session["access_token"], **fields)
    with_bad_token = await grant(app, forged_issuer.id_token(), "x", **fields)

    assert linked["user"]["id"] == user["id"]
    assert [identity["provider"] for identity in linked["user"]["identities"]] == ["email", "keycloak"]
    assert again.json()["error_code"] == "identity_already_exists"
    assert (with_bad_token.status_code, with_bad_token.json()["error_code"]) == (403, "bad_jwt")


async def test_unverified_address_of_a_token_is_refused(
    app: AuthApp, forged_issuer: ForgedIssuer, person: dict[str, Any]
) -> None:
    response = await grant(app, forged_issuer.id_token(email_verified=False), nonce=NONCE)

    assert (response.status_code, response.json()["error_code"]) == (422, "provider_email_needs_verification")
