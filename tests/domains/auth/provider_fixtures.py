"""Fixtures of providers: a real OpenID Connect provider, a forged one, and a browser.

The `conftest` of each folder that needs them imports them.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import pytest

from monynha.core.settings.oauth_providers import OAuthProviderSettings
from tests.domains.auth.forged_issuer import ForgedIssuer
from tests.node import NODE, Script, install_packages

if TYPE_CHECKING:
    from tests.domains.auth.conftest import AuthApp, MakeAuthApp

SITE = "http://monynha.test"
CALLBACK = f"{SITE}/auth/v1/callback"
CLIENT_ID = "monynha-client"
CLIENT_SECRET = "a secret/with+odd %characters"
_SCRIPT = Path(__file__).parent / "oidc_provider" / "provider.mjs"
_FIELD = re.compile(r'<form[^>]*action="(?P<action>[^"]+)"')
_HIDDEN = re.compile(r'<input[^>]*type="hidden"[^>]*name="(?P<name>[^"]+)"[^>]*value="(?P<value>[^"]*)"')


@dataclass
class RealProvider:
    """A running `oidc-provider`."""

    issuer: str

    async def set_account(self, subject: str, **claims: Any) -> None:
        """Set what the provider knows of a person, who signs in by their subject."""
        async with httpx.AsyncClient() as http:
            response = await http.put(f"{self.issuer}/test/accounts/{subject}", json=claims)
            assert response.status_code == 204


@dataclass
class Browser:
    """A user agent without a screen: it keeps cookies, follows redirects and sends the forms that it is shown."""

    app: AuthApp
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(follow_redirects=False))
    site: httpx.AsyncClient = field(init=False)

    def __post_init__(self) -> None:
        transport = self.app.http._transport
        self.site = httpx.AsyncClient(transport=transport, base_url=SITE, event_hooks=self.app.http.event_hooks)

    async def close(self) -> None:
        """Close its connections."""
        await self.http.aclose()
        await self.site.aclose()

    async def open(self, url: str) -> httpx.Response:
        """Request one URL of the program, without following where it leads."""
        assert url.startswith(SITE), url
        return await self.site.get(url)

    async def begin(self, query: str) -> httpx.Response:
        """Request `/authorize`."""
        return await self.open(f"{SITE}/auth/v1/authorize?{query}")

    async def return_with(self, code: str = "code", *, begun: httpx.Response, **params: str) -> str:
        """Come back from a provider that was not visited; return where the program sends the browser."""
        query = {"code": code, "state": query_of(location_of(begun))["state"], **params}
        response = await self.site.get("/auth/v1/callback", params={key: text for key, text in query.items() if text})
        return location_of(response)

    async def visit(self, url: str, subject: str) -> str:
        """Follow redirects and forms from a URL, signing in as a person; return the first URL back at the site."""
        return await walk(self.http, url, subject, until=SITE)


async def walk(http: httpx.AsyncClient, url: str, subject: str, *, until: str) -> str:
    """Follow redirects and forms, signing in as a person, until a redirect to a URL that begins so; return it."""
    response = await http.get(url)
    for _ in range(20):
        if response.is_redirect:
            location = urljoin(str(response.url), response.headers["location"])
            if location.startswith(until):
                return location
            response = await http.get(location)
            continue
        assert response.status_code == 200, response.text
        form = _FIELD.search(response.text)
        assert form, response.text
        values = {match["name"]: match["value"] for match in _HIDDEN.finditer(response.text)}
        if 'name="login"' in response.text:
            values |= {"login": subject, "password": "of the tests"}
        response = await http.post(urljoin(str(response.url), form["action"]), data=values)
    raise AssertionError("the provider goes in circles")


def location_of(response: httpx.Response) -> str:
    """Return where a response leads."""
    assert response.is_redirect, (response.status_code, response.text)
    location: str = response.headers["location"]
    return location


def query_of(url: str) -> dict[str, str]:
    """Return the query parameters of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query, keep_blank_values=True).items()}


def fragment_of(url: str) -> dict[str, str]:
    """Return the parameters behind the hash of a URL."""
    return {name: values[0] for name, values in parse_qs(urlsplit(url).fragment, keep_blank_values=True).items()}


def oidc_settings(issuer: str, name: str = "keycloak", **changes: Any) -> OAuthProviderSettings:
    """Return the settings of an OpenID Connect provider."""
    return OAuthProviderSettings(
        **{"name": name, "client_ids": (CLIENT_ID,), "secret": CLIENT_SECRET, "issuer": issuer, **changes}
    )


def find_free_port() -> int:
    """Return a port that a provider can know before the program listens on it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@asynccontextmanager
async def run_provider(callback: str) -> AsyncIterator[RealProvider]:
    """Run a certified OpenID Connect provider on this machine, for a client with this redirect URI."""
    folder = await asyncio.to_thread(install_packages, _SCRIPT.parent)
    client = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        "redirect_uris": [callback],
        "grant_types": ["authorization_code", "refresh_token"],
    }
    process = await asyncio.create_subprocess_exec(
        NODE,
        _SCRIPT.name,
        json.dumps({"client": client}),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        [ready] = await Script(process).wait_for("ready")
        yield RealProvider(ready["issuer"])
    finally:
        process.kill()
        await process.wait()


@pytest.fixture(scope="session")
async def real_provider() -> AsyncIterator[RealProvider]:
    """Run a certified OpenID Connect provider for the site of these tests."""
    async with run_provider(CALLBACK) as provider:
        yield provider


MakeProviderApp = Callable[..., "AuthApp"]


@pytest.fixture
def make_provider_app(make_auth_app: MakeAuthApp) -> MakeProviderApp:
    """Return a function that makes auth with providers, as in production: addresses are confirmed by email."""

    def make(*providers: OAuthProviderSettings, **changes: Any) -> AuthApp:
        return make_auth_app(**{"autoconfirm": False, "site_url": SITE, "oauth_providers": providers, **changes})

    return make


@pytest.fixture
def real_app(make_provider_app: MakeProviderApp, real_provider: RealProvider) -> AuthApp:
    """Return auth with the real provider as `keycloak`."""
    return make_provider_app(oidc_settings(real_provider.issuer), manual_linking=True)


MakeBrowser = Callable[["AuthApp"], Browser]


@pytest.fixture
async def make_browser() -> AsyncIterator[MakeBrowser]:
    """Return a function that makes a browser, with cookies of its own."""
    browsers: list[Browser] = []

    def make(app: AuthApp) -> Browser:
        browsers.append(Browser(app))
        return browsers[-1]

    yield make
    for browser in browsers:
        await browser.close()


@pytest.fixture
def forged_issuer() -> ForgedIssuer:
    """Return a provider whose responses a test writes itself."""
    return ForgedIssuer()


@pytest.fixture
def forged_app(make_provider_app: MakeProviderApp, forged_issuer: ForgedIssuer) -> AuthApp:
    """Return auth with the forged provider as `keycloak`."""
    settings = oidc_settings(forged_issuer.issuer)
    return make_provider_app(settings, outgoing_http=forged_issuer.http, manual_linking=True)


@dataclass
class ForgedSignIn:
    """A browser that signs in with the forged provider, whose responses a test changes in between."""

    app: AuthApp
    issuer: ForgedIssuer
    browser: Browser

    async def begin(self, query: str = "") -> httpx.Response:
        """Request `/authorize`, and let the provider know the nonce."""
        begun = await self.browser.begin(f"provider=keycloak{query}")
        self.issuer.nonce = query_of(location_of(begun))["nonce"]
        return begun

    async def __call__(self, query: str = "", **params: str) -> str:
        """Sign in; return where the program sends the browser."""
        return await self.browser.return_with(begun=await self.begin(query), **params)

    async def user(self) -> dict[str, Any]:
        """Sign in and return the user."""
        ended = await self()
        assert "access_token" in fragment_of(ended), ended
        user: dict[str, Any] = (await self.app.get("/user", fragment_of(ended)["access_token"])).json()
        return user


@pytest.fixture
def forged_sign_in(forged_app: AuthApp, forged_issuer: ForgedIssuer, make_browser: MakeBrowser) -> ForgedSignIn:
    """Return a browser at `forged_app`."""
    return ForgedSignIn(forged_app, forged_issuer, make_browser(forged_app))
