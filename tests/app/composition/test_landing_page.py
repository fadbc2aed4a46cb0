"""The page at `/`: what it says about sign-up, and where it leads."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from monynha.app.composition.landing_page import landing_page
from monynha.core.settings.settings import Settings
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.router import Router

pytestmark = pytest.mark.anyio


async def page_of(settings: Settings) -> httpx.Response:
    """Return the page for these settings."""
    application = HttpApplication(Router([landing_page(settings)]), CorsPolicy())
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        return await client.get("/")


def links_in(page: httpx.Response) -> set[str]:
    return set(re.findall(r'href="(/[^"]*)"', page.text))


async def test_links_of_a_development_server_include_graphql() -> None:
    page = await page_of(Settings.read({}))

    assert {"/docs", "/openapi.json", "/graphql", "/healthz", "/readyz"} <= links_in(page)


async def test_links_of_production_do_not_include_graphql() -> None:
    page = await page_of(replace(Settings.read({}), app_env="production"))

    assert {"/docs", "/openapi.json"} <= links_in(page)
    assert "/graphql" not in links_in(page)


async def test_server_without_the_api_links_to_its_health_only() -> None:
    page = await page_of(Settings.read({"MONYNHA_SERVICES": "web"}))

    assert "/docs" not in links_in(page)
    assert {"/healthz", "/readyz"} <= links_in(page)


@pytest.mark.parametrize(
    ("autoconfirm", "sentence"),
    [("on", "accounts are confirmed at once"), ("off", "once its email address is confirmed")],
)
async def test_page_says_how_accounts_are_confirmed(autoconfirm: str, sentence: str) -> None:
    page = await page_of(Settings.read({"MONYNHA_AUTOCONFIRM": autoconfirm}))

    assert sentence in page.text


@pytest.mark.parametrize(
    ("signup", "sentence"),
    [("on", "Sign-up is open"), ("invited", "Sign-up is by invitation"), ("off", "Sign-up is closed")],
)
async def test_page_says_who_may_sign_up(signup: str, sentence: str) -> None:
    page = await page_of(Settings.read({"MONYNHA_SIGNUP": signup}))

    assert sentence in page.text


async def test_page_allows_no_script_and_only_its_own_style() -> None:
    page = await page_of(Settings.read({}))

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy
