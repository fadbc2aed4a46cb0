"""Both official clients verify access tokens by the published keys, without asking the server for the user."""

from __future__ import annotations

import asyncio
import json
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from supabase_auth.errors import AuthError

from tests.domains.auth.conftest import PASSWORD, RunAuthApp, new_email
from tests.node import NODE, install_packages

pytestmark = pytest.mark.anyio
HERE = Path(__file__).parent / "javascript"


@pytest.fixture(autouse=True)
async def no_keys(owner_sql: Callable[..., Awaitable[list[Any]]], database: object) -> AsyncIterator[None]:
    """Leave no keys: the program of the other tests signs with its secret."""
    yield
    await owner_sql("delete from auth.signing_keys")


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_supabase_js_verifies_claims(run_auth_app: RunAuthApp, algorithm: str) -> None:
    running_app = await run_auth_app(autoconfirm=True, jwt_algorithm=algorithm)
    await running_app.auth_app.auth.start()
    packages = await asyncio.to_thread(install_packages, HERE)
    key = running_app.auth_app.api_key("anon", exp=4_000_000_000)
    process = await asyncio.create_subprocess_exec(
        *(str(NODE), "claims.mjs", running_app.url, key, new_email()), cwd=packages, stdout=PIPE, stderr=PIPE
    )
    stdout, stderr = await process.communicate()
    assert process.returncode == 0, stderr.decode()
    answer = json.loads(stdout)

    assert (answer["header"]["alg"], answer["sub"]) == (algorithm, answer["userId"])
    assert set(answer["requested"]) == {"/auth/v1/.well-known/jwks.json"}
    assert answer["forged"] == "AuthInvalidJwtError"


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_supabase_py_verifies_claims(run_auth_app: RunAuthApp, algorithm: str) -> None:
    running_app = await run_auth_app(autoconfirm=True, jwt_algorithm=algorithm)
    await running_app.auth_app.auth.start()
    client = await running_app.client()
    session = (await client.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert session is not None
    claims = await client.auth.get_claims()
    assert claims is not None

    assert claims["headers"]["alg"] == algorithm
    assert claims["claims"]["sub"] == session.user.id
    with pytest.raises(AuthError):
        await client.auth.get_claims(jwt=f"{session.access_token[:-8]}AAAAAAAA")
