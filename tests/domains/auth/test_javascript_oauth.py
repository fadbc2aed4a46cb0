"""The unmodified `@supabase/supabase-js` administers applications, and lets a person decide."""

from __future__ import annotations

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.domains.auth.conftest import PASSWORD, RunAuthApp
from tests.node import NODE, Script, install_packages

HERE = Path(__file__).parent / "javascript"


async def test_supabase_js_administers_applications_and_decides(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True, oauth_server=True)
    auth_app = running_app.auth_app
    person = await auth_app.sign_up()
    packages = await asyncio.to_thread(install_packages, HERE)
    keys = (auth_app.api_key("service_role", exp=4_000_000_000), auth_app.api_key("anon", exp=4_000_000_000))
    arguments = (running_app.url, *keys, person["user"]["email"], PASSWORD)
    process = await asyncio.create_subprocess_exec(
        str(NODE), "oauth.mjs", *arguments, cwd=packages, stdout=PIPE, stderr=PIPE
    )
    try:
        script = Script(process)
        await script.wait_for("done")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

    assert {message["what"]: message["value"] for message in script.messages} == {
        "created": [
            "Reports",
            ["https://example.com/callback", "http://localhost:3000/callback"],
            ["authorization_code", "refresh_token"],
            ["code"],
        ],
        "secret only once": ["string", "undefined"],
        "updated": ["Reports", True],
        "regenerated": True,
        "listed": [1, True, 2],
        "invalid": [None, 400, "validation_failed"],
        "unknown": [None, 404, "oauth_client_not_found"],
        "signed out": None,
        "details": [True, "Reports", "read email", True],
        "tokens": ["access_token", "expires_in", "refresh_token", "scope", "token_type"],
        "user": True,
        "consented before": ["redirect_url"],
        "denied": "access_denied",
        "decided twice": [None, 400, "validation_failed"],
        "grants": [["Reports", ["read", "email"]]],
        "revoked": [],
        # How the client names a session that has ended.
        "ended": [400, None],
        "deleted": [None, 404, "oauth_client_not_found"],
        "done": None,
    }
