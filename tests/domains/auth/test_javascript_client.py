"""The unmodified `@supabase/supabase-js` runs the sign-in flows."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx

from tests.domains.auth.conftest import SMS_HOOK, AuthApp, RunAuthApp
from tests.node import NODE, Script, install_packages

HERE = Path(__file__).parent / "javascript"
_QUESTIONS = ("mail", "link", "text")


class AuthScript(Script):
    """The script, whose questions for what was sent are answered."""

    def __init__(self, process: asyncio.subprocess.Process, auth_app: AuthApp) -> None:
        super().__init__(process)
        self.auth_app = auth_app

    async def run(self) -> dict[str, Any]:
        """Run it to its end, and return what it printed, by the names of the values."""
        while (message := await self.read_message())["what"] != "done":
            if message["what"] in _QUESTIONS:
                await self._write_line(await self._answer(message["what"], message["value"]))
        return {message["what"]: message["value"] for message in self.messages if message["what"] not in _QUESTIONS}

    async def _answer(self, kind: str, address: str) -> str:
        await self.auth_app.deliver_emails()
        if kind == "text":
            return self.auth_app.codes_to(address)[-1]
        email = self.auth_app.emails_to(address)[-1]
        if kind == "mail":
            return email.code
        async with httpx.AsyncClient() as browser:
            followed = await browser.get(email.link)
        return parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]

    async def _write_line(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{text}\n".encode())
        await self.process.stdin.drain()


async def test_supabase_js_signs_up_in_and_refreshes(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False, anonymous_users=True, **SMS_HOOK)
    packages = await asyncio.to_thread(install_packages, HERE)
    key = running_app.auth_app.api_key("anon", exp=4_000_000_000)
    suffix = f"{uuid4().int % 10**10:010}"
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "auth.mjs", running_app.url, key, suffix), cwd=packages, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        values = await AuthScript(process, running_app.auth_app).run()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

    assert values == {
        "signed up": [None, True],
        "unconfirmed": [400, "email_not_confirmed"],
        "confirmed": True,
        "wrong password": [400, "invalid_credentials"],
        "updated": "Countess",
        "identities": ["email"],
        "code": True,
        "used code": [403, "otp_expired"],
        "foreign verifier": 2,
        "pkce": True,
        "recovery": "recovery",
        "two tabs": [True, True],
        "both go on": [None, None],
        "anonymous": [True, True, {"theme": "dark"}],
        "permanent": [True, False, False],
        "wrong phone code": [403, "otp_expired"],
        "phone": "1234567890",
        "phone change": True,
        "resend": [None, None],
        "done": None,
    }
