"""Which account a person at a provider signs in to, and whose it must never become."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer
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

OTHER_PASSWORD = "another person's password"


@pytest.fixture
def make_forged_sign_in(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> Any:
    """Return a function that makes a sign-in with the forged provider, at auth with settings of its own."""

    def make(**settings: Any) -> ForgedSignIn:
        app = make_provider_app(oidc_settings(forged_issuer.issuer), outgoing_http=forged_issuer.http, **settings)
        return ForgedSignIn(app, forged_issuer, make_browser(app))

    return make


async def confirmed_user(app: AuthApp, email: str) -> dict[str, Any]:
    """Sign up and follow the mailed link, as the owner of the address does."""
    await app.sign_up_unconfirmed(email)
    await app.follow(app.emails_to(email)[-1].link)
    session: dict[str, Any] = (await app.sign_in(email)).json()
    return session


async def test_person_returns_to_their_account_by_the_providers_id_not_by_the_address(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.claims = {"sub": "returning", "email": new_email(), "email_verified": True, "name": "Ada"}
    first = await forged_sign_in.user()
    forged_issuer.claims = {"sub": "returning", "email": new_email("new"), "email_verified": False, "name": "Eve"}
    second = await forged_sign_in.user()

    assert second["id"] == first["id"]
    assert (second["email"], second["user_metadata"]["name"]) == (first["email"], "Ada")
    assert second["identities"][0]["identity_data"]["email"] == forged_issuer.claims["email"]


async def test_same_id_at_another_provider_is_another_person(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    names = ("keycloak", "other_login")
    settings = [oidc_settings(forged_issuer.issuer, name) for name in names]
    app = make_provider_app(*settings, outgoing_http=forged_issuer.http)
    users = []
    for name in names:
        forged_issuer.claims = {"sub": "same", "email": new_email(), "email_verified": True}
        sign_in = ForgedSignIn(app, forged_issuer, make_browser(app))
        begun = await sign_in.browser.begin(f"provider={name}")
        forged_issuer.nonce = query_of(location_of(begun))["nonce"]
        ended = await sign_in.browser.return_with(begun=begun)
        users.append((await app.get("/user", fragment_of(ended)["access_token"])).json())

    assert users[0]["id"] != users[1]["id"]
    assert [user["app_metadata"]["provider"] for user in users] == ["keycloak", "custom:other_login"]


async def test_confirmed_account_is_joined_by_a_verified_address(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    email = new_email()
    session = await confirmed_user(forged_app, email)
    forged_issuer.claims = {"sub": email, "email": email.upper(), "email_verified": True, "name": "Provider's name"}

    user = await forged_sign_in.user()

    assert user["id"] == session["user"]["id"]
    assert [identity["provider"] for identity in user["identities"]] == ["email", "keycloak"]
    assert user["app_metadata"] == {"provider": "email", "providers": ["email", "keycloak"]}
    assert user["user_metadata"].get("name") != "Provider's name"
    assert (await forged_app.sign_in(email)).status_code == 200
    assert "A way to sign in was added" in [mail.subject for mail in forged_app.emails_to(email)]


@pytest.mark.parametrize("is_verified", [False, None, "false", 0, 1, "yes", "TRUE"])
async def test_address_that_the_provider_has_not_verified_neither_joins_nor_creates(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp, is_verified: object
) -> None:
    taken, free = new_email(), new_email()
    await confirmed_user(forged_app, taken)
    errors = []
    for email in (taken, free):
        forged_issuer.claims = {"sub": email, "email": email, "email_verified": is_verified}
        ended = await forged_sign_in()
        errors.append((error_of(ended), ended.replace(email, "")))

    assert errors[0] == errors[1]
    assert errors[0][0] == ("access_denied", "provider_email_needs_verification")
    assert not await forged_app.auth.accounts.exists(free)


async def test_account_that_somebody_else_prepared_is_not_joined(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    """The takeover: sign up the victim's address with a password, and wait until they come by a provider."""
    email = new_email("victim")
    prepared = (await forged_app.sign_up_unconfirmed(email, OTHER_PASSWORD, data={"name": "Eve"})).json()
    link = forged_app.emails_to(email)[-1].link
    forged_issuer.claims = {"sub": email, "email": email, "email_verified": True, "name": "Victim"}

    user = await forged_sign_in.user()

    assert user["id"] != prepared["id"]
    assert user["user_metadata"]["name"] == "Victim"
    assert [identity["provider"] for identity in user["identities"]] == ["keycloak"]
    assert (await forged_app.sign_in(email, OTHER_PASSWORD)).json()["error_code"] == "invalid_credentials"
    assert "error" in (await forged_app.follow(link)).headers["location"]


async def test_second_sign_up_after_the_owner_came_changes_nothing(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    email = new_email("victim")
    forged_issuer.claims = {"sub": email, "email": email, "email_verified": True}
    user = await forged_sign_in.user()

    await forged_app.sign_up_unconfirmed(email, OTHER_PASSWORD)

    assert (await forged_app.sign_in(email, OTHER_PASSWORD)).json()["error_code"] == "invalid_credentials"
    assert (await forged_sign_in.user())["id"] == user["id"]


async def test_invited_account_is_claimed_without_what_others_have_set(
    make_forged_sign_in: Any, forged_issuer: ForgedIssuer
) -> None:
    sign_in = make_forged_sign_in()
    email = new_email("invited")
    invited = (
        await sign_in.app.post("/invite", {"email": email, "data": {"team": "a"}}, sign_in.app.service_key)
    ).json()
    await sign_in.app.sign_up_unconfirmed(email, OTHER_PASSWORD, data={"name": "Eve"})
    link = sign_in.app.emails_to(email)[-1].link
    forged_issuer.claims = {"sub": email, "email": email, "email_verified": True, "name": "Invited"}

    user = await sign_in.user()

    assert user["id"] == invited["id"]
    assert user["user_metadata"]["name"] == "Invited"
    assert (await sign_in.app.sign_in(email, OTHER_PASSWORD)).json()["error_code"] == "invalid_credentials"
    assert "error" in (await sign_in.app.follow(link)).headers["location"]


async def test_account_that_was_confirmed_without_proof_is_not_joined(
    make_forged_sign_in: Any, forged_issuer: ForgedIssuer
) -> None:
    """With autoconfirm anybody may hold any address, so an address joins nothing."""
    sign_in = make_forged_sign_in(autoconfirm=True)
    email = new_email("victim")
    await sign_in.app.sign_up(email)
    forged_issuer.claims = {"sub": email, "email": email, "email_verified": True}

    refused = await sign_in()
    forged_issuer.claims = {"sub": email, "email": new_email(), "email_verified": False}
    created = await sign_in.user()

    assert error_of(refused) == ("server_error", "email_exists")
    assert created["email"] == forged_issuer.claims["email"]
    assert created["identities"][0]["identity_data"]["email_verified"] is False


async def test_with_autoconfirm_two_providers_that_have_verified_the_address_are_joined(
    make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    settings = [oidc_settings(forged_issuer.issuer, name) for name in ("keycloak", "zoom", "twitch")]
    app = make_provider_app(*settings, outgoing_http=forged_issuer.http, autoconfirm=True)
    email, ended = new_email(), []
    for name, is_verified in (("keycloak", True), ("zoom", True), ("twitch", False)):
        forged_issuer.claims = {"sub": email, "email": email, "email_verified": is_verified}
        browser = make_browser(app)
        begun = await browser.begin(f"provider={name}")
        forged_issuer.nonce = query_of(location_of(begun))["nonce"]
        ended.append(await browser.return_with(begun=begun))

    user = (await app.get("/user", fragment_of(ended[1])["access_token"])).json()

    assert user["app_metadata"]["providers"] == ["keycloak", "zoom"]
    assert error_of(ended[2]) == ("server_error", "email_exists")


async def test_sign_up_that_is_off_keeps_new_people_out_and_lets_others_in(
    make_forged_sign_in: Any, forged_issuer: ForgedIssuer
) -> None:
    sign_in = make_forged_sign_in(signup="off")
    email = new_email()
    user = await sign_in.app.create_user(email=email)
    invited = new_email("invited")
    await sign_in.app.post("/invite", {"email": invited}, sign_in.app.service_key)
    forged_issuer.claims = {"sub": new_email(), "email": new_email(), "email_verified": True}
    refused = await sign_in()
    forged_issuer.claims = {"sub": email, "email": email, "email_verified": True}
    joined = await sign_in.user()
    forged_issuer.claims = {"sub": invited, "email": invited, "email_verified": True}
    claimed = await sign_in.user()

    assert error_of(refused) == ("access_denied", "signup_disabled")
    assert not await sign_in.app.auth.accounts.exists(new_email())
    assert joined["id"] == user["id"]
    assert claimed["email"] == invited


async def test_person_without_an_address_gets_no_account(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer
) -> None:
    forged_issuer.user_info = {"sub": "nameless"}
    for claims in ({}, {"email": ""}, {"email": "no address"}, {"email": 7}, {"email": "a\x00@example.com"}):
        forged_issuer.claims = {"sub": "nameless", "email_verified": True, **claims}
        assert error_of(await forged_sign_in()) == ("server_error", "email_address_not_provided")


async def test_banned_person_is_refused(
    forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    forged_issuer.claims = {"sub": "banned", "email": new_email(), "email_verified": True}
    user = await forged_sign_in.user()
    await forged_app.put(f"/admin/users/{user['id']}", {"ban_duration": "1h"}, forged_app.service_key)

    implicit = await forged_sign_in()
    pkce = await forged_sign_in(f"&code_challenge={'x' * 43}&code_challenge_method=s256")

    assert error_of(implicit) == error_of(pkce) == ("access_denied", "user_banned")


async def test_two_first_sign_ins_at_once_make_one_account(
    forged_app: AuthApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser
) -> None:
    forged_issuer.claims = {"sub": "racing", "email": new_email(), "email_verified": True}
    browsers = [make_browser(forged_app) for _ in range(5)]
    begun = [await browser.begin("provider=keycloak") for browser in browsers]
    nonces = [query_of(location_of(response))["nonce"] for response in begun]
    forged_issuer.has_nonce_in_code = True

    ended = await asyncio.gather(
        *(
            browser.return_with(nonce, begun=response)
            for browser, nonce, response in zip(browsers, nonces, begun, strict=True)
        )
    )

    tokens = [fragment_of(url)["access_token"] for url in ended]
    users = {(await forged_app.get("/user", token)).json()["id"] for token in tokens}
    assert len(users) == 1
