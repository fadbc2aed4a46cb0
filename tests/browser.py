"""Chromium for tests, which `make test` installs where it is missing."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import CDPSession, Page, async_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")


@asynccontextmanager
async def open_page(url: str) -> AsyncIterator[Page]:
    """Open a page in a browser of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            page = await browser.new_page()
            await page.goto(url)
            yield page
        finally:
            await browser.close()


async def add_authenticator(page: Page, **options: bool) -> tuple[CDPSession, str]:
    """Give the page a virtual authenticator with resident keys; return what controls it, and its id."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    defaults = {"hasResidentKey": True, "hasUserVerification": True, "isUserVerified": True}
    added = await session.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {"protocol": "ctap2", "transport": "internal", **defaults, **options}},
    )
    return session, added["authenticatorId"]
