"""OpenID Connect providers: the code, the nonce, the user endpoint, and what Apple, Google and Microsoft do."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from monynha.core.errors import SettingsError
from monynha.core.settings.oauth_providers import OAuthProviderSettings
from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.forged_issuer import CLIENT_ID, ForgedIssuer, at_hash, form_of
from tests.domains.auth.http.test_providers import error_of
from tests.domains.auth.provider_fixtures import (
    ForgedSignIn,
    MakeBrowser,
    MakeProviderApp,
    fragment_of,
    location_of,
    oidc_settings,
    query_of,
)

MICROSOFT = "https://login.microsoftonline.com"
PERSONAL_TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
TENANT = "11111111-1111-4111-8111-111111111111"


@pytest.mark.parametrize("nonce", ["another", "", ..., ["x"], 7])
async def test_token_that_was_made_for_another_sign_in_is_refused(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, nonce: object
) -> None:
    """An injected code: its ID token has the nonce of the attacker's own visit."""
    forged_issuer.claims = {"email": new_email(), "email_verified": True, "nonce": nonce}

    assert error_of(await forged_sign_in()) == ("server_error", "unexpected_failure")
    assert not await forged_sign_in.app.auth.accounts.exists(forged_issuer.claims["email"])


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"azp": "another"},
        {"iss": "https://evil.example"},
        {"exp": 1},
        {"sub": ...},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"at_hash": at_hash("another")},
    ],
    ids=str,
)
async def test_token_that_is_not_valid_signs_nobody_in(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, claims: dict[str, Any]
) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True, **claims}

    assert error_of(await forged_sign_in()) == ("server_error", "unexpected_failure")
    assert not await forged_sign_in.app.auth.accounts.exists(forged_issuer.claims["email"])


async def test_further_clients_do_not_receive_codes(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    """The token of an app is for the grant `id_token`; the exchange of a code must give one for us."""
    settings = oidc_settings(forged_issuer.issuer, client_ids=(CLIENT_ID, "the-app"))
    app = make_provider_app(settings, outgoing_http=forged_issuer.http)
    forged_issuer.claims = {"email": new_email(), "email_verified": True, "aud": "the-app"}

    ended = await ForgedSignIn(app, forged_issuer, make_browser(app))()

    assert error_of(ended) == ("server_error", "unexpected_failure")


async def test_secret_is_in_the_form_where_the_provider_reads_no_header(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    forged_issuer.claims = {"email": new_email(), "email_verified": True}

    await forged_sign_in()

    [request] = [request for request in forged_issuer.requests if request.url.path == "/token"]
    assert form_of(request)["client_secret"] == "a secret/with+odd %characters"
    assert "authorization" not in request.headers


async def test_address_comes_from_the_user_endpoint_where_the_token_has_none(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    email, subject = new_email(), uuid4().hex
    forged_issuer.claims = {"sub": subject, "email_verified": False}
    forged_issuer.user_info = {"sub": subject, "email": email, "email_verified": True, "name": "Ada", "iss": "x"}

    user = await forged_sign_in.user()

    assert (user["email"], user["user_metadata"]["name"]) == (email, "Ada")
    assert user["user_metadata"]["iss"] == forged_issuer.issuer


@pytest.mark.parametrize("user_info", [{"sub": "another"}, {}, None])
async def test_user_endpoint_that_describes_another_person_is_refused(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, user_info: dict[str, Any] | None
) -> None:
    forged_issuer.user_info = user_info and {**user_info, "email": new_email(), "email_verified": True}

    assert error_of(await forged_sign_in()) == ("server_error", "unexpected_failure")


async def test_claims_of_any_size_and_kind_make_an_account_with_short_metadata(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.claims = {
        "sub": "\N{GRINNING FACE}" * 255,
        "email": new_email(),
        "email_verified": True,
        "name": "\N{GRINNING FACE}\x00\x1b" * 500,
        "nickname": ["x"],
        "preferred_username": {"x": 1},
        "picture": "javascript:alert(1)",
        "website": "https://example.org/" + "x" * 1000,
        "role": "service_role",
        "app_metadata": {"role": "admin"},
        "groups": ["admin"],
    }

    user = await forged_sign_in.user()

    assert len(json.dumps(user["user_metadata"], ensure_ascii=False).encode()) < 3000
    assert user["app_metadata"] == {"provider": "keycloak", "providers": ["keycloak"]}
    assert user["role"] == "authenticated"
    assert "picture" not in user["identities"][0]["identity_data"]


def apple_key() -> ECKey:
    return ECKey.generate_key("P-256")


def apple_settings(secret: str) -> OAuthProviderSettings:
    return OAuthProviderSettings(
        "apple", (CLIENT_ID,), secret.replace("\\n", "\n"), team_id="TEAM123456", key_id="KEY1234567"
    )


async def test_apple_gets_a_signed_secret_and_sends_the_name_once(
    make_provider_app: MakeProviderApp, make_browser: MakeBrowser
) -> None:
    key = apple_key()
    issuer = ForgedIssuer("https://appleid.apple.com")
    issuer.document = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    issuer.claims = {"sub": "001", "email": new_email(), "email_verified": "true", "is_private_email": "true"}
    app = make_provider_app(apple_settings(key.as_pem(private=True).decode()), outgoing_http=issuer.http)
    browser = make_browser(app)
    begun = await browser.begin("provider=apple")
    issuer.nonce = query_of(location_of(begun))["nonce"]
    user_json = json.dumps({"name": {"firstName": "Ada", "lastName": "Lovelace"}, "email": "victim@example.com"})
    form = {"code": "x", "state": query_of(location_of(begun))["state"], "user": user_json}

    posted = await app.http.post("/auth/v1/callback", data=form)
    ended = location_of(await browser.open(location_of(posted)))

    user = (await app.get("/user", fragment_of(ended)["access_token"])).json()
    [request] = [request for request in issuer.requests if request.url.path == "/token"]
    secret = jws.deserialize_compact(form_of(request)["client_secret"], key, ["ES256"])
    claims = json.loads(secret.payload)
    assert query_of(location_of(begun))["response_mode"] == "form_post"
    assert (user["email"], user["user_metadata"]["name"]) == (issuer.claims["email"], "Ada Lovelace")
    assert user["identities"][0]["identity_data"]["custom_claims"] == {"is_private_email": "true"}
    assert secret.headers() == {"alg": "ES256", "kid": "KEY1234567"}
    assert (claims["iss"], claims["sub"], claims["aud"]) == ("TEAM123456", CLIENT_ID, "https://appleid.apple.com")
    assert claims["exp"] - claims["iat"] == 300


@pytest.mark.parametrize("user_json", ["", "{", "[]", '{"name":7}', '{"name":{"firstName":{"x":1}}}'])
async def test_name_from_apple_that_cannot_be_read_is_left_out(
    make_provider_app: MakeProviderApp, make_browser: MakeBrowser, user_json: str
) -> None:
    issuer = ForgedIssuer("https://appleid.apple.com")
    issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    app = make_provider_app(apple_settings(apple_key().as_pem(private=True).decode()), outgoing_http=issuer.http)
    browser = make_browser(app)
    begun = await browser.begin("provider=apple")
    issuer.nonce = query_of(location_of(begun))["nonce"]

    ended = await browser.return_with(begun=begun, user=user_json)

    user = (await app.get("/user", fragment_of(ended)["access_token"])).json()
    assert "name" not in user["user_metadata"]


@pytest.mark.parametrize(
    "secret",
    [
        "not a key",
        ECKey.generate_key("P-384").as_pem(private=True).decode(),
        ECKey.generate_key("P-256").as_pem(private=False).decode(),
    ],
    ids=["text", "another curve", "public"],
)
async def test_key_that_is_not_apples_stops_the_start(make_provider_app: MakeProviderApp, secret: str) -> None:
    with pytest.raises(SettingsError, match=r"^MONYNHA_OAUTH_APPLE_SECRET: expected the private key") as stopped:
        make_provider_app(apple_settings(secret))

    assert secret not in str(stopped.value)


async def google_user(app: AuthApp, issuer: ForgedIssuer, browser: Any, name: str) -> dict[str, Any]:
    begun = await browser.begin(f"provider={name}")
    issuer.nonce = query_of(location_of(begun))["nonce"]
    ended = await browser.return_with(begun=begun)
    assert "access_token" in fragment_of(ended), ended
    user: dict[str, Any] = (await app.get("/user", fragment_of(ended)["access_token"])).json()
    return user


@pytest.mark.parametrize("issuer_claim", ["https://accounts.google.com", "accounts.google.com"])
async def test_google_signs_in_by_either_name_of_its_issuer(
    make_provider_app: MakeProviderApp, make_browser: MakeBrowser, issuer_claim: str
) -> None:
    issuer = ForgedIssuer("https://accounts.google.com")
    issuer.claims = {
        "sub": uuid4().hex,
        "iss": issuer_claim,
        "email": new_email(),
        "email_verified": True,
        "hd": "example.com",
        "picture": "https://lh3.example/photo",
        "azp": CLIENT_ID,
    }
    app = make_provider_app(OAuthProviderSettings("google", (CLIENT_ID,), "secret"), outgoing_http=issuer.http)

    user = await google_user(app, issuer, make_browser(app), "google")

    assert user["app_metadata"]["provider"] == "google"
    assert user["identities"][0]["identity_data"]["custom_claims"] == {"hd": "example.com"}
    assert user["user_metadata"]["avatar_url"] == "https://lh3.example/photo"


@pytest.mark.parametrize(
    ("claims", "is_trusted"),
    [
        ({"tid": TENANT, "email_verified": True}, False),
        ({"tid": TENANT, "xms_edov": False}, False),
        ({"tid": TENANT, "xms_edov": "0"}, False),
        ({"tid": TENANT, "xms_edov": True}, True),
        ({"tid": TENANT, "xms_edov": "1"}, True),
        ({"tid": PERSONAL_TENANT}, True),
    ],
)
async def test_address_from_microsoft_counts_only_where_its_domain_is_verified(
    make_provider_app: MakeProviderApp, make_browser: MakeBrowser, claims: dict[str, Any], is_trusted: bool
) -> None:
    """The administrator of any tenant may write any address into it."""
    issuer = ForgedIssuer(f"{MICROSOFT}/common/v2.0")
    issuer.document = {"issuer": f"{MICROSOFT}/{{tenantid}}/v2.0"}
    issuer.claims = {
        "sub": uuid4().hex,
        "iss": f"{MICROSOFT}/{claims['tid']}/v2.0",
        "email": new_email("victim"),
        **claims,
    }
    app = make_provider_app(OAuthProviderSettings("azure", (CLIENT_ID,), "secret"), outgoing_http=issuer.http)
    browser = make_browser(app)
    begun = await browser.begin("provider=azure")
    issuer.nonce = query_of(location_of(begun))["nonce"]

    ended = await browser.return_with(begun=begun)

    assert ("access_token" in fragment_of(ended)) is is_trusted
    assert await app.auth.accounts.exists(issuer.claims["email"]) is is_trusted


async def test_one_tenant_of_microsoft_refuses_the_people_of_others(
    make_provider_app: MakeProviderApp, make_browser: MakeBrowser
) -> None:
    issuer = ForgedIssuer(f"{MICROSOFT}/{TENANT}/v2.0")
    settings = OAuthProviderSettings("azure", (CLIENT_ID,), "secret", issuer=issuer.issuer)
    app = make_provider_app(settings, outgoing_http=issuer.http)
    browser = make_browser(app)
    ended = []
    for tenant in (TENANT, PERSONAL_TENANT):
        issuer.claims = {"sub": uuid4().hex, "iss": f"{MICROSOFT}/{tenant}/v2.0", "tid": tenant}
        issuer.claims |= {"email": new_email(), "xms_edov": True}
        begun = await browser.begin("provider=azure")
        issuer.nonce = query_of(location_of(begun))["nonce"]
        ended.append(await browser.return_with(begun=begun))

    assert "access_token" in fragment_of(ended[0])
    assert error_of(ended[1]) == ("server_error", "unexpected_failure")
