"""Fixtures of sessions: a browser, as a client that keeps cookies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from monynha.app.composition.application import Application
from tests.users import ApiUser, UserFactory

PASSWORD = "correct horse battery"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"


@dataclass
class Browser:
    """A page of the site in a browser that keeps cookies."""

    http: httpx.AsyncClient

    async def send(self, method: str, path: str, json: Any = None, **headers: str) -> httpx.Response:
        """Send a request as the page does: with the header that no other site can send."""
        all_headers = {"x-monynha-request": "1", **{name.replace("_", "-"): value for name, value in headers.items()}}
        return await self.http.request(method, f"/api/v1{path}", json=json, headers=all_headers)

    async def sign_in(self, user: ApiUser, password: str = PASSWORD) -> dict[str, Any]:
        """Sign in with a cookie and return the session."""
        response = await self.send("POST", "/session", {"email": user.email, "password": password})
        assert response.status_code == 200, response.text
        session: dict[str, Any] = response.json()["data"]
        return session

    async def refresh(self) -> dict[str, Any] | None:
        """Refresh the session of the cookie; None if there is none."""
        response = await self.send("POST", "/session/refresh")
        assert response.status_code == 200, response.text
        session: dict[str, Any] | None = response.json()["data"]
        return session

    @property
    def refresh_token(self) -> str | None:
        """The refresh token in the cookie."""
        return self.http.cookies.get("monynha_session")


MakeBrowser = Callable[..., Browser]


@pytest.fixture
async def make_browser(program: Application) -> AsyncIterator[MakeBrowser]:
    """Return a function that opens another browser."""
    clients: list[httpx.AsyncClient] = []

    def make(user_agent: str = FIREFOX) -> Browser:
        http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=program.http),
            base_url="http://monynha.test",
            headers={"user-agent": user_agent},
        )
        clients.append(http)
        return Browser(http)

    yield make
    for http in clients:
        await http.aclose()


@pytest.fixture
def browser(make_browser: MakeBrowser) -> Browser:
    """Return a browser."""
    return make_browser()


@pytest.fixture
async def account(users: UserFactory) -> ApiUser:
    """Return a user who can sign in with `PASSWORD`."""
    return await users.sign_up("Ada", PASSWORD)
