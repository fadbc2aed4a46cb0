"""The unmodified `@supabase/supabase-js` signs in with a real provider, adds one to an account and removes it."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

import httpx

from tests.domains.auth.conftest import PASSWORD, RunAuthApp, new_email
from tests.domains.auth.provider_fixtures import find_free_port, location_of, oidc_settings, run_provider, walk
from tests.node import NODE, Script, install_packages

HERE = Path(__file__).parent / "javascript"


class ProviderScript(Script):
    """The script, whose URLs are opened in a browser of their own."""

    def __init__(self, process: Process, callback: str) -> None:
        super().__init__(process)
        self.callback = callback

    async def run(self) -> dict[str, Any]:
        """Run it to its end, and return what it printed, by the names of the values."""
        while (message := await self.read_message())["what"] != "done":
            if message["what"] == "open":
                subject, url = message["value"]
                assert self.process.stdin
                self.process.stdin.write(f"{await self._browse(url, subject)}\n".encode())
                await self.process.stdin.drain()
        return {message["what"]: message["value"] for message in self.messages if message["what"] != "open"}

    async def _browse(self, url: str, subject: str) -> str:
        async with httpx.AsyncClient() as browser:
            back = await walk(browser, url, subject, until=self.callback)
            return location_of(await browser.get(back))


async def test_supabase_js_signs_in_with_a_provider_links_and_unlinks(run_auth_app: RunAuthApp) -> None:
    port = find_free_port()
    callback = f"http://127.0.0.1:{port}/auth/v1/callback"
    async with run_provider(callback) as provider:
        await provider.set_account("new", email=new_email(), email_verified=True, name="Ada")
        await provider.set_account("linked", email=new_email("other"), email_verified=False)
        running_app = await run_auth_app(
            port=port, autoconfirm=False, oauth_providers=(oidc_settings(provider.issuer),), manual_linking=True
        )
        user = await running_app.auth_app.create_user()
        packages = await asyncio.to_thread(install_packages, HERE)
        key = running_app.auth_app.api_key("anon", exp=4_000_000_000)
        arguments = (running_app.url, key, user["email"], PASSWORD)
        process = await asyncio.create_subprocess_exec(
            str(NODE), "providers.mjs", *arguments, cwd=packages, stdin=PIPE, stdout=PIPE, stderr=PIPE
        )
        try:
            values = await ProviderScript(process, callback).run()
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    assert values == {
        "returns to": ["/board", "1"],
        "stolen code": "AuthPKCECodeVerifierMissingError",
        "session": ["string", "keycloak"],
        "amr": "oauth",
        "new person": ["keycloak"],
        "last identity": [422, "single_identity_not_deletable"],
        "linked": ["email", "keycloak"],
        "entered": True,
        "unlinked": ["email"],
        "id token": [400, "provider_disabled"],
        "done": None,
    }
