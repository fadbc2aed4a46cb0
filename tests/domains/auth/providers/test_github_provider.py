"""GitHub, imitated: it is outside. Its API tells who has signed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.core.settings.oauth_providers import OAuthProviderSettings
from monynha.infra.outgoing_http import OutgoingHttp
from tests.domains.auth.conftest import AuthApp, new_email
from tests.domains.auth.forged_issuer import form_of
from tests.domains.auth.http.test_providers import error_of
from tests.domains.auth.provider_fixtures import (
    CALLBACK,
    Browser,
    MakeBrowser,
    MakeProviderApp,
    fragment_of,
    location_of,
    query_of,
)


@dataclass
class GitHub:
    """What GitHub answers."""

    user: Any = field(default_factory=lambda: {"id": uuid4().int % 10**9, "login": "ada", "name": "Ada Lovelace"})
    emails: Any = field(default_factory=list)
    token: dict[str, Any] = field(default_factory=lambda: {"access_token": "gho_token", "token_type": "bearer"})
    statuses: dict[str, int] = field(default_factory=dict)
    requests: list[httpx.Request] = field(default_factory=list)

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        path = request.url.path.removeprefix("/api/v3")
        bodies = {"/login/oauth/access_token": self.token, "/user": self.user, "/user/emails": self.emails}
        return httpx.Response(self.statuses.get(path, 200), json=bodies[path])

    @property
    def http(self) -> OutgoingHttp:
        return OutgoingHttp(transport=httpx.MockTransport(self.respond))


@pytest.fixture
def github() -> GitHub:
    return GitHub()


@pytest.fixture
def app(make_provider_app: MakeProviderApp, github: GitHub) -> AuthApp:
    return make_provider_app(OAuthProviderSettings("github", ("the-id",), "the-secret"), outgoing_http=github.http)


@pytest.fixture
def browser(app: AuthApp, make_browser: MakeBrowser) -> Browser:
    return make_browser(app)


async def sign_in(browser: Browser, **params: str) -> str:
    return await browser.return_with("the-code", begun=await browser.begin("provider=github&scopes=repo"), **params)


async def user_at(app: AuthApp, ended: str) -> dict[str, Any]:
    assert "access_token" in fragment_of(ended), ended
    user: dict[str, Any] = (await app.get("/user", fragment_of(ended)["access_token"])).json()
    return user


async def test_person_signs_in_with_the_primary_address(app: AuthApp, github: GitHub, browser: Browser) -> None:
    primary = new_email("primary")
    github.emails = [
        {"email": new_email("first"), "verified": True, "primary": False},
        {"email": primary, "verified": True, "primary": True},
    ]
    github.user["avatar_url"] = "https://avatars.example/1"

    begun = await browser.begin("provider=github&scopes=repo")
    ended = await browser.return_with("the-code", begun=begun)
    user = await user_at(app, ended)

    request = query_of(location_of(begun))
    exchange, *api_requests = github.requests
    form = form_of(exchange)
    assert location_of(begun).startswith("https://github.com/login/oauth/authorize?")
    assert request["scope"] == "read:user user:email repo"
    assert (form["client_id"], form["client_secret"], form["code"]) == ("the-id", "the-secret", "the-code")
    assert form["redirect_uri"] == CALLBACK
    assert len(form["code_verifier"]) == 43
    assert {str(api_request.url) for api_request in api_requests} == {
        "https://api.github.com/user",
        "https://api.github.com/user/emails",
    }
    assert all(api_request.headers["authorization"] == "Bearer gho_token" for api_request in api_requests)
    assert user["email"] == primary
    assert user["identities"][0]["id"] == str(github.user["id"])
    assert user["user_metadata"]["user_name"] == "ada"
    assert user["user_metadata"]["avatar_url"] == "https://avatars.example/1"
    assert fragment_of(ended)["provider_token"] == "gho_token"


async def test_verified_address_precedes_an_unverified_primary_one(
    app: AuthApp, github: GitHub, browser: Browser
) -> None:
    verified = new_email("verified")
    github.emails = [
        {"email": new_email("victim"), "verified": False, "primary": True},
        {"email": verified, "verified": True, "primary": False},
    ]

    assert (await user_at(app, await sign_in(browser)))["email"] == verified


async def test_address_that_is_not_verified_signs_nobody_in(app: AuthApp, github: GitHub, browser: Browser) -> None:
    """The address of the profile is not even read: it is whatever the person has written."""
    victim = new_email("victim")
    github.user["email"] = victim
    for emails in ([{"email": victim, "verified": False, "primary": True}], [{"email": victim, "verified": "true"}]):
        github.emails = emails
        assert error_of(await sign_in(browser)) == ("access_denied", "provider_email_needs_verification")
    github.emails = []
    assert error_of(await sign_in(browser)) == ("server_error", "email_address_not_provided")


async def test_person_with_another_login_of_the_same_number_is_the_same(
    app: AuthApp, github: GitHub, browser: Browser
) -> None:
    github.emails = [{"email": new_email(), "verified": True, "primary": True}]
    first = await user_at(app, await sign_in(browser))
    github.user["login"], github.emails = "renamed", []
    second = await user_at(app, await sign_in(browser))
    github.user["id"] += 1

    assert second["id"] == first["id"]
    assert error_of(await sign_in(browser)) == ("server_error", "email_address_not_provided")


@pytest.mark.parametrize(
    ("token", "user", "emails", "statuses"),
    [
        ({"error": "bad_verification_code"}, None, None, {}),
        ({"access_token": None}, None, None, {}),
        (None, {"login": "ada"}, None, {}),
        (None, {"id": "1"}, None, {}),
        (None, {"id": True}, None, {}),
        (None, [], None, {}),
        (None, None, {"message": "Not Found"}, {}),
        (None, None, None, {"/user": 401}),
        (None, None, None, {"/user/emails": 404}),
    ],
)
async def test_response_that_names_nobody_is_an_error(
    github: GitHub, browser: Browser, token: Any, user: Any, emails: Any, statuses: dict[str, int]
) -> None:
    github.token = token if token is not None else github.token
    github.user = user if user is not None else github.user
    github.emails = emails if emails is not None else [{"email": new_email(), "verified": True, "primary": True}]
    github.statuses = statuses

    assert error_of(await sign_in(browser)) == ("server_error", "unexpected_failure")


async def test_response_of_another_issuer_is_refused(github: GitHub, browser: Browser) -> None:
    assert error_of(await sign_in(browser, iss="https://evil.example")) == ("invalid_request", "bad_oauth_callback")
    assert github.requests == []


async def test_enterprise_server_has_its_own_addresses(
    make_provider_app: MakeProviderApp, github: GitHub, make_browser: MakeBrowser
) -> None:
    settings = OAuthProviderSettings("github", ("id",), "secret", issuer="https://git.example.org/")
    app = make_provider_app(settings, outgoing_http=github.http)
    github.emails = [{"email": new_email(), "verified": True, "primary": True}]

    await user_at(app, await sign_in(make_browser(app)))

    assert [str(request.url) for request in github.requests] == [
        "https://git.example.org/login/oauth/access_token",
        "https://git.example.org/api/v3/user",
        "https://git.example.org/api/v3/user/emails",
    ]
