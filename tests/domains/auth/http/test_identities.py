"""Adding providers to an account and removing them."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from monynha.domains.auth.errors import TokenSessionNotFoundError
from monynha.domains.auth.providers.sign_in import AuthorizationResponse
from monynha.domains.auth.services.sessions import ClientInfo
from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer
from tests.domains.auth.http.test_providers import error_of
from tests.domains.auth.provider_fixtures import (
    SITE,
    ForgedSignIn,
    MakeBrowser,
    MakeProviderApp,
    fragment_of,
    location_of,
    oidc_settings,
    query_of,
)
from tests.domains.auth.second_factors import FactorUser


async def owner_of(app: AuthApp) -> dict[str, Any]:
    """Return the session of a user with a password."""
    user = await app.create_user()
    session: dict[str, Any] = (await app.sign_in(user["email"])).json()
    return session


async def linking_url(app: AuthApp, session: dict[str, Any], query: str = "") -> str:
    response = await app.get(
        f"/user/identities/authorize?provider=keycloak&skip_http_redirect=true{query}", session["access_token"]
    )
    assert response.status_code == 200, response.text
    url: str = response.json()["url"]
    return url


async def link(sign_in: ForgedSignIn, session: dict[str, Any], query: str = "") -> str:
    """Add the forged provider to an account in a browser; return where the program sends it."""
    begun = await sign_in.browser.open(await linking_url(sign_in.app, session, query))
    sign_in.issuer.nonce = query_of(location_of(begun))["nonce"]
    return await sign_in.browser.return_with(begun=begun)


async def identities_of(app: AuthApp, session: dict[str, Any]) -> dict[str, str]:
    user = (await app.get("/user", session["access_token"])).json()
    return {identity["provider"]: identity["identity_id"] for identity in user["identities"]}


async def test_user_adds_a_provider_signs_in_with_it_and_removes_it(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    session = await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email("other"), "email_verified": False}

    ended = await link(forged_sign_in, session, f"&redirect_to={SITE}/settings&scopes=mail&prompt=consent")
    linked = (await forged_app.get("/user", fragment_of(ended)["access_token"])).json()
    signed_in = await forged_sign_in.user()
    identities = await identities_of(forged_app, session)
    removed = await forged_app.delete(f"/user/identities/{identities['keycloak']}", session["access_token"])
    after = (await forged_app.get("/user", session["access_token"])).json()

    assert ended.startswith(f"{SITE}/settings#")
    assert linked["id"] == signed_in["id"] == session["user"]["id"]
    assert linked["email"] == session["user"]["email"]
    assert linked["app_metadata"]["providers"] == ["email", "keycloak"]
    assert (removed.status_code, removed.json()) == (200, {})
    assert [identity["provider"] for identity in after["identities"]] == ["email"]
    assert after["app_metadata"]["providers"] == ["email"]
    assert error_of(await forged_sign_in())[1] == "provider_email_needs_verification"


async def test_parameters_of_linking_reach_the_provider(forged_sign_in: ForgedSignIn, forged_app: AuthApp) -> None:
    url = await linking_url(forged_app, await owner_of(forged_app), "&scopes=mail&prompt=consent&state=x")
    query = query_of(location_of(await forged_sign_in.browser.open(url)))

    assert (query["prompt"], query["scope"].split()[-1]) == ("consent", "mail")
    assert query["state"] != "x"


async def test_linking_without_skipping_the_redirect_leads_to_the_site(forged_app: AuthApp) -> None:
    session = await owner_of(forged_app)

    response = await forged_app.get("/user/identities/authorize?provider=keycloak", session["access_token"])

    assert response.status_code == 302
    assert location_of(response).startswith(f"{SITE}/auth/v1/authorize?ticket=")


async def test_link_is_opened_once_and_is_not_the_state(
    forged_sign_in: ForgedSignIn, forged_app: AuthApp, make_browser: MakeBrowser
) -> None:
    url = await linking_url(forged_app, await owner_of(forged_app))
    ticket = query_of(url)["ticket"]

    as_state = await forged_sign_in.browser.site.get("/auth/v1/callback", params={"state": ticket, "code": "x"})
    first = await forged_sign_in.browser.open(url)
    second = await make_browser(forged_app).open(url)
    unknown = await forged_app.get("/authorize?ticket=unknown")

    assert error_of(location_of(as_state)) == ("invalid_request", "bad_oauth_state")
    assert first.status_code == 302
    assert [response.json()["error_code"] for response in (second, unknown)] == ["bad_oauth_callback"] * 2


async def test_link_expires(forged_sign_in: ForgedSignIn, forged_app: AuthApp) -> None:
    url = await linking_url(forged_app, await owner_of(forged_app))
    forged_app.clock.advance(601)

    assert (await forged_sign_in.browser.open(url)).json()["error_code"] == "bad_oauth_callback"


async def test_signing_out_ends_what_was_begun(
    forged_sign_in: ForgedSignIn, forged_app: AuthApp, forged_issuer: ForgedIssuer
) -> None:
    session = await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    begun = await forged_sign_in.browser.open(await linking_url(forged_app, session))
    await forged_app.post("/logout?scope=local", token=session["access_token"])

    assert error_of(await forged_sign_in.browser.return_with(begun=begun))[1] == "bad_oauth_state"
    assert "/token" not in forged_issuer.paths()


async def test_signing_out_while_the_provider_responds_adds_nothing(
    forged_sign_in: ForgedSignIn, forged_app: AuthApp, forged_issuer: ForgedIssuer
) -> None:
    session = await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    begun = await forged_sign_in.browser.open(await linking_url(forged_app, session))
    forged_issuer.nonce = query_of(location_of(begun))["nonce"]
    flow = await forged_app.auth.providers.end(
        query_of(location_of(begun))["state"], forged_sign_in.browser.site.cookies["monynha_oauth"]
    )
    assert flow is not None
    await forged_app.post("/logout?scope=local", token=session["access_token"])

    with pytest.raises(TokenSessionNotFoundError):
        await forged_app.auth.providers.finish(
            flow, query_of(location_of(begun))["state"], AuthorizationResponse(code="x"), ClientInfo("127.0.0.1")
        )


async def test_identity_of_somebody_cannot_be_added_again(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    first = await owner_of(forged_app)
    await link(forged_sign_in, first)

    own = await link(forged_sign_in, first)
    of_another = await link(forged_sign_in, await owner_of(forged_app))

    assert error_of(own) == error_of(of_another) == ("server_error", "identity_already_exists")
    assert query_of(of_another)["error_description"] == "Identity is already linked to another user"
    assert (await forged_sign_in.user())["id"] == first["user"]["id"]


async def test_two_accounts_that_add_one_identity_at_once_do_not_share_it(
    forged_issuer: ForgedIssuer, forged_app: AuthApp, make_browser: MakeBrowser
) -> None:
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    forged_issuer.has_nonce_in_code = True

    async def add() -> str:
        browser = make_browser(forged_app)
        begun = await browser.open(await linking_url(forged_app, await owner_of(forged_app)))
        return await browser.return_with(query_of(location_of(begun))["nonce"], begun=begun)

    ended = await asyncio.gather(*(add() for _ in range(4)))

    assert sorted("access_token" in fragment_of(url) for url in ended) == [False] * 3 + [True]


async def test_only_identity_stays(forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer) -> None:
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    token = fragment_of(await forged_sign_in())["access_token"]
    user = (await forged_sign_in.app.get("/user", token)).json()

    response = await forged_sign_in.app.delete(f"/user/identities/{user['identities'][0]['identity_id']}", token)

    assert (response.status_code, response.json()["error_code"]) == (422, "single_identity_not_deletable")


async def test_of_two_identities_that_are_removed_at_once_one_stays(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    session = await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    await link(forged_sign_in, session)
    identities = await identities_of(forged_app, session)

    responses = await asyncio.gather(
        *(forged_app.delete(f"/user/identities/{id}", session["access_token"]) for id in identities.values())
    )

    assert sorted(response.status_code for response in responses) == [200, 422]
    assert len(await identities_of(forged_app, session)) == 1


async def test_removing_the_email_identity_removes_the_password_and_takes_the_providers_address(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    session = await owner_of(forged_app)
    address = new_email("provider")
    forged_issuer.claims = {"sub": uuid4().hex, "email": address, "email_verified": True}
    await link(forged_sign_in, session)
    identities = await identities_of(forged_app, session)

    await forged_app.delete(f"/user/identities/{identities['email']}", session["access_token"])
    user = (await forged_app.get("/user", session["access_token"])).json()

    assert user["email"] == address
    assert [identity["provider"] for identity in user["identities"]] == ["keycloak"]
    for email in (address, session["user"]["email"]):
        assert (await forged_app.sign_in(email)).json()["error_code"] == "invalid_credentials"
    assert (await forged_sign_in.user())["id"] == user["id"]


async def test_identity_whose_removal_would_take_an_address_of_others_stays(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    session, address = await owner_of(forged_app), new_email("taken")
    forged_issuer.claims = {"sub": uuid4().hex, "email": address, "email_verified": True}
    await link(forged_sign_in, session)
    await forged_app.create_user(email=address)
    identities = await identities_of(forged_app, session)

    response = await forged_app.delete(f"/user/identities/{identities['email']}", session["access_token"])

    assert response.json()["error_code"] == "email_conflict_identity_not_deletable"
    assert await identities_of(forged_app, session) == identities


async def test_identity_of_somebody_else_cannot_be_removed(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    session, other = await owner_of(forged_app), await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    await link(forged_sign_in, session)
    others_identity = (await identities_of(forged_app, other))["email"]

    refused = await forged_app.delete(f"/user/identities/{others_identity}", session["access_token"])
    malformed = await forged_app.delete("/user/identities/x", session["access_token"])
    nobody = await forged_app.delete(f"/user/identities/{others_identity}")

    assert (refused.status_code, refused.json()["error_code"]) == (422, "identity_not_found")
    assert (malformed.status_code, malformed.json()["error_code"]) == (404, "validation_failed")
    assert nobody.status_code == 401
    assert len(await identities_of(forged_app, other)) == 1


async def test_manual_linking_that_is_off_refuses_all_of_it(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer
) -> None:
    app = make_provider_app(oidc_settings(forged_issuer.issuer), outgoing_http=forged_issuer.http)
    session = await owner_of(app)
    identity = (await identities_of(app, session))["email"]
    body = {"provider": "keycloak", "id_token": forged_issuer.id_token(nonce=...), "link_identity": True}

    responses = [
        await app.get("/user/identities/authorize?provider=keycloak", session["access_token"]),
        await app.delete(f"/user/identities/{identity}", session["access_token"]),
        await app.post("/token?grant_type=id_token", body, session["access_token"]),
    ]

    assert [(response.status_code, response.json()["error_code"]) for response in responses] == [
        (404, "manual_linking_disabled")
    ] * 3


async def test_session_that_has_not_shown_the_second_factor_changes_no_identities(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    settings = oidc_settings(forged_issuer.issuer)
    app = make_provider_app(settings, outgoing_http=forged_issuer.http, manual_linking=True, autoconfirm=True)
    user = await FactorUser.with_totp(app)
    below = (await user.sign_in()).session
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    sign_in = ForgedSignIn(app, forged_issuer, make_browser(app))
    await link(sign_in, user.session)
    identities = await identities_of(app, user.session)
    body = {"provider": "keycloak", "id_token": forged_issuer.id_token(nonce=...), "link_identity": True}

    refused = [
        await app.get("/user/identities/authorize?provider=keycloak", below["access_token"]),
        await app.delete(f"/user/identities/{identities['email']}", below["access_token"]),
        await app.post("/token?grant_type=id_token", body, below["access_token"]),
    ]
    removed = await app.delete(f"/user/identities/{identities['keycloak']}", user.token)

    assert [(response.status_code, response.json()["error_code"]) for response in refused] == [
        (401, "insufficient_aal")
    ] * 3
    assert removed.status_code == 200


async def test_limited_token_changes_no_identities(forged_app: AuthApp) -> None:
    session = await owner_of(forged_app)
    limited_token = forged_app.api_key("authenticated", sub=session["user"]["id"], scopes=["admin"])
    identity = (await identities_of(forged_app, session))["email"]

    responses = [
        await forged_app.get("/user/identities/authorize?provider=keycloak", limited_token),
        await forged_app.delete(f"/user/identities/{identity}", limited_token),
    ]

    assert [response.status_code for response in responses] == [403] * 2


async def test_changes_of_identities_are_in_the_audit_log_and_mailed(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp, owner_sql: Any
) -> None:
    session = await owner_of(forged_app)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": True}
    await link(forged_sign_in, session)
    identities = await identities_of(forged_app, session)
    await forged_app.delete(f"/user/identities/{identities['keycloak']}", session["access_token"])

    subjects = [email.subject for email in forged_app.emails_to(session["user"]["email"])]
    rows = await owner_sql(
        "select action, details ->> 'provider' as provider from monynha.audit_events"
        " where actor_id = $1::uuid and action like 'identity.%' order by action",
        session["user"]["id"],
    )

    assert [tuple(row) for row in rows] == [("identity.linked", "keycloak"), ("identity.unlinked", "keycloak")]
    assert [subject for subject in subjects if "way to sign in" in subject] == [
        "A way to sign in was added",
        "A way to sign in was removed",
    ]
