"""Failures: a 500 reveals no details, and a database outage is a 503 until it is over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.infra.embedded import run_servers, with_jwt_secret
from monynha.infra.postgres.database import Database
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.client_ip import ClientIpResolver
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup, Router
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

SECRET = "row 4711 of somebody"
CREATE_FAILING_TRIGGER = f"""
create function public.break() returns trigger language plpgsql as $$
begin raise exception '{SECRET}' using detail = '{SECRET}', hint = '{SECRET}'; end $$;
create trigger breaks before insert or update or delete on public.posts
  for each row execute function public.break();
"""
DROP_FAILING_TRIGGER = "drop trigger breaks on public.posts; drop function public.break()"


@pytest.fixture
async def failing_posts(database: Database) -> AsyncIterator[None]:
    """Every write of a post fails in the database, with a text that must not be revealed."""
    for statements, is_end in ((CREATE_FAILING_TRIGGER, False), (DROP_FAILING_TRIGGER, True)):
        async with database.as_actor(system_actor("test")).transaction() as transaction:
            await transaction.execute("set local role monynha_owner")
            await transaction.execute(statements)
        if not is_end:
            yield


@pytest.mark.usefixtures("failing_posts")
async def test_internal_error_reveals_no_details(user: ApiUser, capfd: pytest.CaptureFixture[str]) -> None:
    plain_response = await user.post("/posts", {"title": "x", "content": ""})
    included_response = await user.post(
        "/posts?include=author", {"title": "x", "content": ""}, headers={"X-Request-Id": "r1"}
    )

    for response in (plain_response, included_response):
        error = response.json()["error"]
        assert (response.status_code, error["code"]) == (500, "INTERNAL_ERROR")
        assert response.headers["x-request-id"] == error["requestId"]
        for word in (SECRET, "4711", "asyncpg", "RaiseError", "P0001", "public.posts"):
            assert word not in response.text
        assert error.keys() == {"code", "message", "requestId", "stack"}
        assert all(
            frame.startswith(("app/", "core/", "engine/", "infra/", "protocols/", "domains/"))
            for frame in error["stack"]
        )
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("failing_posts")
async def test_production_shows_no_stack(user: ApiUser, program: Application) -> None:
    transport = httpx.ASGITransport(app=replace(program.http, shows_stack=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        response = await replace(user, client=client).post("/posts", {"title": "x", "content": ""})

    assert response.status_code == 500
    assert response.json()["error"].keys() == {"code", "message", "requestId"}


async def test_requests_after_a_failure_are_served(user: ApiUser, failing_posts: None) -> None:
    for _ in range(15):  # more often than there are connections
        assert (await user.post("/posts", {"title": "x", "content": ""})).status_code == 500
        assert (await user.post("/posts?fields=id", {"title": "x", "content": ""})).status_code == 500
        assert (await user.get("/posts")).status_code == 200


ERRORS = [RuntimeError(SECRET), KeyError(SECRET), RecursionError(SECRET), MemoryError(SECRET)]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_any_exception_becomes_a_500(error: Exception) -> None:
    async def handler(request: Request) -> Response:
        raise error

    application = HttpApplication(
        Router([RouteGroup("", (Route("GET", "/", handler),))]), CorsPolicy(), ClientIpResolver()
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url="http://x") as client:
        response = await client.get("/")

    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL_ERROR")
    assert SECRET not in response.text


async def test_database_outage_is_a_503_until_it_is_back(settings: Settings, tmp_path: Path) -> None:
    own_settings = with_jwt_secret(replace(settings, data_dir=tmp_path / "data", jwt_secret=""))
    async with run_servers(own_settings) as running_servers:
        program = await build(own_settings, running_servers)
        transport = httpx.ASGITransport(app=program.http)
        client = httpx.AsyncClient(transport=transport, base_url="http://monynha.test")
        tokens = AccessTokens(own_settings.jwt_secret, issuer=f"{own_settings.site_url}/auth/v1", ttl_s=3600)
        user = await UserFactory(program.database, tokens, client).create()
        project = await user.create_project()

    path = f"/projects/{project['id']}"
    requests: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("GET", "/projects?include=owner", None),
        ("GET", "/projects?limit=0", None),
        ("POST", "/projects", {"name": "x"}),
        ("POST", "/posts", {"title": "x", "content": ""}),
        ("PUT", path, {"name": "Changed"}),
        ("DELETE", path, None),
    ]
    for method, url, body in requests * 2:
        response = await user.request(method, url, json=body)
        assert (response.status_code, response.json()["error"]["code"]) == (503, "UNAVAILABLE")
        assert int(response.headers["retry-after"]) > 0
        assert response.json()["error"].keys() == {"code", "message", "requestId"}
    assert (await client.get("/healthz")).status_code == 200
    assert ((ready := await client.get("/readyz")).status_code, ready.headers["retry-after"]) == (503, "1")
    assert (await client.get("/api/v1/projects")).status_code == 401
    assert (await user.get("/nothing")).status_code == 404

    async with run_servers(own_settings):
        responses = [await user.request("GET", path) for _ in range(12)]
        assert {response.status_code for response in responses} == {200}
        assert responses[0].json()["data"] == project
        assert (await user.post("/projects", {"name": "x"})).status_code == 201
        assert (await client.get("/readyz")).status_code == 200
        await program.close()
    await client.aclose()
