"""ID tokens: issued where clients can verify them, and of no use for anything else."""

from __future__ import annotations

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from monynha.core.errors import UnauthenticatedError
from tests.domains.auth.conftest import AuthApp, MakeAuthApp
from tests.domains.auth.oauth_clients import Application


@pytest.fixture(params=["ES256", "RS256"])
async def asymmetric_app(make_auth_app: MakeAuthApp, request: pytest.FixtureRequest) -> AuthApp:
    """Return auth with an authorization server, whose keys are asymmetric."""
    auth_app = make_auth_app(autoconfirm=True, oauth_server=True, jwt_algorithm=request.param)
    await auth_app.auth.start()
    return auth_app


async def test_a_client_verifies_who_has_signed_in_by_the_published_keys(asymmetric_app: AuthApp) -> None:
    person = await asymmetric_app.sign_up(name="Ada")
    signed_in_at = int(asymmetric_app.clock().timestamp())
    asymmetric_app.clock.advance(seconds=100)
    application = await Application.register(asymmetric_app)

    tokens = await application.tokens_for(
        person["access_token"], scope="openid profile email", nonce="n-0S6_WzA2Mj", prompt="consent"
    )

    configuration = (await asymmetric_app.get("/.well-known/openid-configuration")).json()
    keys = (await asymmetric_app.get("/.well-known/jwks.json")).json()
    algorithms = configuration["id_token_signing_alg_values_supported"]
    token = jwt.decode(tokens["id_token"], KeySet.import_key_set(keys), algorithms=algorithms)
    now = int(asymmetric_app.clock().timestamp())
    assert algorithms == [asymmetric_app.settings.jwt_algorithm]
    assert {**token.claims, "updated_at": 0} == {
        "iss": configuration["issuer"],
        "sub": person["user"]["id"],
        "aud": application.id,
        "iat": now,
        "exp": now + 3600,
        "auth_time": signed_in_at,
        "nonce": "n-0S6_WzA2Mj",
        "email": person["user"]["email"],
        "email_verified": True,
        "name": "Ada",
        "updated_at": 0,
    }


async def test_an_id_token_is_no_access_token(asymmetric_app: AuthApp) -> None:
    person = await asymmetric_app.sign_up()
    application = await Application.register(asymmetric_app)
    tokens = await application.tokens_for(person["access_token"], scope="openid")

    with pytest.raises(UnauthenticatedError):
        asymmetric_app.auth.tokens.verify(tokens["id_token"])
    assert (await asymmetric_app.get("/oauth/userinfo", tokens["id_token"])).status_code == 403


async def test_no_id_token_without_openid_nor_at_a_refresh(asymmetric_app: AuthApp) -> None:
    person = await asymmetric_app.sign_up()
    application = await Application.register(asymmetric_app)

    without_openid = await application.tokens_for(person["access_token"], scope="profile email")
    with_openid = await application.tokens_for(person["access_token"], scope="openid", prompt="consent")
    refreshed = await application.refresh(with_openid["refresh_token"])

    assert ("id_token" in without_openid, "id_token" in with_openid, "id_token" in refreshed.json()) == (
        False,
        True,
        False,
    )


async def test_a_shared_secret_signs_no_id_token(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)

    tokens = await application.tokens_for(person["access_token"], scope="openid")
    configuration = (await oauth_app.get("/.well-known/openid-configuration")).json()

    assert "id_token" not in tokens
    assert configuration["id_token_signing_alg_values_supported"] == []
