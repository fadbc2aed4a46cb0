"""The browser's way through a provider and back, and what somebody else can do on it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from typing import Any

import httpx
import pytest

from monynha.core.settings.setting_types import Limit
from monynha.domains.auth.providers.flows import FLOW_TTL
from monynha.infra.outgoing_http import OutgoingHttp
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.auth.conftest import AuthApp, MakeAuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer, form_of
from tests.domains.auth.provider_fixtures import (
    CALLBACK,
    CLIENT_ID,
    SITE,
    ForgedSignIn,
    MakeBrowser,
    MakeProviderApp,
    fragment_of,
    location_of,
    oidc_settings,
    query_of,
)


def error_of(url: str) -> tuple[str, str]:
    """Return the error and its code in a redirect, which has them in the query and in the fragment."""
    query, fragment = query_of(url), fragment_of(url)
    assert {**query, "sb": ""} == fragment
    return query["error"], query.get("error_code", "")


async def test_browser_is_sent_to_the_provider_with_state_nonce_and_pkce(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    begun = await forged_sign_in.begin("&scopes=calendar,mail&prompt=consent")
    query = query_of(location_of(begun))

    assert begun.status_code == 302
    assert location_of(begun).startswith(f"{forged_issuer.issuer}/authorize?")
    assert (query["client_id"], query["redirect_uri"], query["response_type"]) == (CLIENT_ID, CALLBACK, "code")
    assert query["scope"] == "openid email profile calendar mail"
    assert (query["code_challenge_method"], query["prompt"]) == ("S256", "consent")
    assert len({query["state"], query["nonce"], query["code_challenge"]}) == 3
    assert "monynha_oauth=" in begun.headers["set-cookie"]
    assert all(part in begun.headers["set-cookie"] for part in ("HttpOnly", "SameSite=Lax", "Path=/"))
    assert begun.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "parameter",
    [
        "client_id",
        "redirect_uri",
        "response_type",
        "response_mode",
        "scope",
        "state",
        "nonce",
        "request",
        "request_uri",
        "claims",
        "code_challenge_methods",
        "id_token_hint",
    ],
)
async def test_client_cannot_change_the_request_to_the_provider(forged_sign_in: ForgedSignIn, parameter: str) -> None:
    begun = await forged_sign_in.begin(f"&{parameter}=https%3A%2F%2Fevil.example")

    assert "evil.example" not in location_of(begun)


async def test_code_is_exchanged_with_the_verifier_and_the_encoded_secret(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()
    await forged_sign_in.browser.return_with("the-code", begun=begun)
    [request] = [request for request in forged_issuer.requests if request.url.path == "/token"]
    form = form_of(request)
    digest = hashlib.sha256(form["code_verifier"].encode()).digest()
    secret = base64.b64decode(request.headers["authorization"].removeprefix("Basic ")).decode()

    assert (form["grant_type"], form["code"], form["redirect_uri"]) == ("authorization_code", "the-code", CALLBACK)
    assert base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == query_of(location_of(begun))["code_challenge"]
    assert secret == f"{CLIENT_ID}:a+secret%2Fwith%2Bodd+%25characters"
    assert "client_secret" not in form


@pytest.mark.parametrize("state", ["", "unknown", "x" * 5000, "\u00e9"])
async def test_unknown_state_leads_to_the_site_with_an_error(forged_app: AuthApp, state: str) -> None:
    response = await forged_app.http.get("/auth/v1/callback", params={"code": "x", "state": state})

    assert response.status_code == 303
    assert location_of(response).startswith(f"{SITE}/?error=")
    assert error_of(location_of(response)) in (
        ("invalid_request", "bad_oauth_state"),
        ("invalid_request", "bad_oauth_callback"),
    )


async def test_state_is_used_once(forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()

    first = await forged_sign_in.browser.return_with(begun=begun)
    replayed = await forged_sign_in.browser.return_with(begun=begun)

    assert "access_token" in fragment_of(first)
    assert error_of(replayed) == ("invalid_request", "bad_oauth_state")
    assert forged_issuer.paths().count("/token") == 1


async def test_of_two_racing_callbacks_one_signs_in(forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()

    ended = await asyncio.gather(*(forged_sign_in.browser.return_with(begun=begun) for _ in range(8)))

    assert sorted("access_token" in fragment_of(url) for url in ended) == [False] * 7 + [True]
    assert forged_issuer.paths().count("/token") == 1


async def test_state_of_another_browser_is_refused_and_stays_valid_for_its_own(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp, make_browser: MakeBrowser
) -> None:
    """Somebody who makes a victim follow their own callback would sign the victim in to their account."""
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()
    victim, other = make_browser(forged_app), make_browser(forged_app)
    await other.begin("provider=keycloak")

    without_cookie = await victim.return_with(begun=begun)
    with_another_cookie = await other.return_with(begun=begun)
    own = await forged_sign_in.browser.return_with(begun=begun)

    assert error_of(without_cookie) == error_of(with_another_cookie) == ("invalid_request", "bad_oauth_state")
    assert "access_token" in fragment_of(own)
    assert forged_issuer.paths().count("/token") == 1


async def test_two_tabs_of_one_browser_both_return(forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    first, second = await forged_sign_in.begin(), await forged_sign_in.begin()

    last = await forged_sign_in.browser.return_with(begun=second)
    forged_issuer.nonce = query_of(location_of(first))["nonce"]
    earlier = await forged_sign_in.browser.return_with(begun=first)

    assert "access_token" in fragment_of(last)
    assert "access_token" in fragment_of(earlier)


async def test_two_cookies_of_the_name_are_as_none(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    """A neighbouring domain may have set the second one."""
    begun = await forged_sign_in.begin()
    state = query_of(location_of(begun))["state"]
    value = forged_sign_in.browser.site.cookies["monynha_oauth"]

    response = await forged_app.http.get(
        "/auth/v1/callback",
        params={"code": "x", "state": state},
        headers={"cookie": f"monynha_oauth=other; monynha_oauth={value}"},
    )

    assert error_of(location_of(response)) == ("invalid_request", "bad_oauth_state")
    assert "/token" not in forged_issuer.paths()


async def test_visit_expires(forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer) -> None:
    begun = await forged_sign_in.begin()
    forged_sign_in.app.clock.advance(FLOW_TTL.total_seconds() + 1)

    ended = await forged_sign_in.browser.return_with(begun=begun)

    assert error_of(ended) == ("invalid_request", "bad_oauth_state")
    assert "/token" not in forged_issuer.paths()


async def test_cookie_is_bound_to_the_host_behind_tls(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer
) -> None:
    app = make_provider_app(
        oidc_settings(forged_issuer.issuer), outgoing_http=forged_issuer.http, site_url="https://monynha.test"
    )

    cookie = (await app.get("/authorize?provider=keycloak")).headers["set-cookie"]

    assert cookie.startswith("__Host-monynha_oauth=")
    assert cookie.endswith("; Secure")
    assert "Domain" not in cookie


async def test_browser_at_another_address_is_sent_to_the_sites_own_once(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer
) -> None:
    settings = oidc_settings(forged_issuer.issuer)
    app = make_provider_app(settings, outgoing_http=forged_issuer.http, site_url="http://board.example.org")

    moved = await app.get("/authorize?provider=keycloak&scopes=a+b")
    arrived = await app.get(location_of(moved).removeprefix("http://board.example.org/auth/v1"))

    assert location_of(moved) == ("http://board.example.org/auth/v1/authorize?provider=keycloak&scopes=a+b&at_site=1")
    assert "set-cookie" not in moved.headers
    assert location_of(arrived).startswith(forged_issuer.issuer)


@pytest.mark.parametrize("query", ["", "&redirect_to=https://evil.example/", "&redirect_to=//evil.example"])
async def test_browser_returns_to_the_site_and_nowhere_else(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, query: str
) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}

    signed_in = await forged_sign_in(query)
    refused = await forged_sign_in(query, error="access_denied", code="")

    assert signed_in.startswith(f"{SITE}/#access_token=")
    assert refused.startswith(f"{SITE}/?error=access_denied")


async def test_providers_error_reaches_the_site_without_what_is_not_printable(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    ended = await forged_sign_in(
        f"&redirect_to={SITE}/login",
        code="",
        error="access_denied\r\nx",
        error_description="No,\u202e thanks" + "x" * 500,
    )

    assert ended.startswith(f"{SITE}/login?error=access_deniedx&error_description=No%2C+thanksxxx")
    assert len(query_of(ended)["error_description"]) == 200
    assert "/token" not in forged_issuer.paths()


async def test_response_without_a_code_is_an_error(forged_sign_in: ForgedSignIn) -> None:
    assert error_of(await forged_sign_in(code="")) == ("invalid_request", "bad_oauth_callback")


@pytest.mark.parametrize(
    ("sends_issuer", "issuer"),
    [(False, "https://evil.example"), (True, ""), (True, "https://login.example.org/")],
)
async def test_response_of_another_issuer_is_refused_before_its_code_is_used(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, sends_issuer: bool, issuer: str
) -> None:
    """A mix-up (RFC 9207): the code of one provider would be sent to another."""
    forged_issuer.document = {"authorization_response_iss_parameter_supported": sends_issuer}

    ended = await forged_sign_in(iss=issuer)

    assert error_of(ended) == ("invalid_request", "bad_oauth_callback")
    assert "/token" not in forged_issuer.paths()


async def test_response_of_the_issuer_itself_signs_in(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.document = {"authorization_response_iss_parameter_supported": True}
    forged_issuer.claims = {"email": new_email(), "email_verified": True}

    assert "access_token" in fragment_of(await forged_sign_in(iss=forged_issuer.issuer))


async def test_form_that_the_provider_posts_becomes_a_get_with_the_cookie(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()
    form = {"code": "x", "state": query_of(location_of(begun))["state"], "id_token": "left out", "other": "1"}

    posted = await forged_app.http.post("/auth/v1/callback", data=form)
    returned = await forged_sign_in.browser.open(location_of(posted))

    assert posted.status_code == 303
    assert query_of(location_of(posted)).keys() == {"code", "state"}
    assert location_of(posted).startswith(f"{SITE}/auth/v1/callback?")
    assert "access_token" in fragment_of(location_of(returned))


async def test_previews_of_links_neither_begin_nor_end_a_visit(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.claims = {"email": new_email(), "email_verified": True}
    begun = await forged_sign_in.begin()
    state = query_of(location_of(begun))["state"]

    previews = [
        await forged_sign_in.browser.site.head("/auth/v1/authorize?provider=keycloak"),
        await forged_sign_in.browser.site.head("/auth/v1/callback", params={"state": state, "code": "x"}),
    ]

    assert [preview.status_code for preview in previews] == [200, 200]
    assert "access_token" in fragment_of(await forged_sign_in.browser.return_with(begun=begun))


@pytest.mark.parametrize("name", ["", "google", "nobody", "custom:", "custom:keycloak2"])
async def test_provider_that_is_not_on_is_refused(forged_app: AuthApp, name: str) -> None:
    response = await forged_app.get("/authorize", params={"provider": name})

    assert (response.status_code, response.json()["error_code"]) == (400, "provider_disabled")


async def test_challenge_of_the_client_must_be_complete(forged_app: AuthApp) -> None:
    response = await forged_app.get(f"/authorize?provider=keycloak&code_challenge={'x' * 43}")

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")


@pytest.mark.parametrize(
    "respond",
    [
        lambda _: httpx.Response(400, json={"error": "invalid_grant"}),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(302, headers={"location": "http://169.254.169.254/"}),
        lambda _: httpx.Response(200, content=b"[" + b" " * 600_000),
        lambda _: httpx.Response(200, json=["x"]),
        lambda body: httpx.Response(200, json={**body, "id_token": None}),
        lambda body: httpx.Response(200, json={**body, "access_token": 1}),
    ],
    ids=["refused", "no JSON", "redirect", "too large", "no object", "no ID token", "no access token"],
)
async def test_provider_that_does_not_exchange_the_code_is_an_error_at_the_site(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, respond: Any
) -> None:
    forged_issuer.token_response = respond

    ended = await forged_sign_in(f"&redirect_to={SITE}/login")

    assert ended.startswith(f"{SITE}/login?")
    assert error_of(ended) == ("server_error", "unexpected_failure")


async def test_provider_that_is_away_is_an_error_that_names_no_server(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer
) -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("10.1.2.3 refused", request=request)

    forged_issuer.respond = refuse  # type: ignore[method-assign]  # the network is down
    app = make_provider_app(oidc_settings(forged_issuer.issuer), outgoing_http=forged_issuer.http)

    response = await app.get("/authorize?provider=keycloak")

    assert response.status_code == 502
    assert "10.1.2.3" not in response.text


async def test_provider_that_takes_too_long_is_an_error_at_the_site(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    async def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            await asyncio.sleep(60)
        return forged_issuer.respond(request)

    settings = oidc_settings(forged_issuer.issuer)
    app = make_provider_app(settings, outgoing_http=OutgoingHttp(transport=httpx.MockTransport(respond)))
    object.__setattr__(app.auth.providers, "exchange_timeout_s", 0.05)
    browser = make_browser(app)

    ended = await browser.return_with(begun=await browser.begin("provider=keycloak"))

    assert error_of(ended) == ("server_error", "unexpected_failure")


async def test_visits_are_counted_by_address(make_auth_app: MakeAuthApp, forged_issuer: ForgedIssuer) -> None:

    app = make_auth_app(
        limits=RateLimits(RateLimiter(None), auth_per_account=Limit(1, 60), auth_per_ip=Limit(2, 60)),
        site_url=SITE,
        oauth_providers=(oidc_settings(forged_issuer.issuer),),
        outgoing_http=forged_issuer.http,
    )

    responses = [await app.get("/authorize?provider=keycloak") for _ in range(3)]

    assert [response.status_code for response in responses] == [302, 302, 429]


async def test_settings_name_the_providers_that_are_on(forged_app: AuthApp) -> None:
    external = (await forged_app.get("/settings")).json()["external"]

    assert {name for name, is_on in external.items() if is_on} == {"email", "keycloak"}
    assert external["google"] is False
