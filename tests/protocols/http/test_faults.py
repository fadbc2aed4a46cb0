"""Our own failures: 500 tells nothing of the inside, 503 asks to come again while the database is away."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from monynha.app.asgi import Program, build
from monynha.core.actor import system
from monynha.core.settings import Settings
from monynha.domains.auth.tokens import AccessTokens
from monynha.infra.embedded import servers, with_secrets
from monynha.infra.postgres.database import Database
from monynha.protocols.http.client import Clients
from monynha.protocols.http.cors import Origins
from monynha.protocols.http.edge import Edge
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Area, Route, Router
from tests.people import People, Person

pytestmark = pytest.mark.anyio

SECRET = "row 4711 of somebody"
BREAK = f"""
create function public.break() returns trigger language plpgsql as $$
begin raise exception '{SECRET}' using detail = '{SECRET}', hint = '{SECRET}'; end $$;
create trigger breaks before insert or update or delete on public.posts
  for each row execute function public.break();
"""
MEND = "drop trigger breaks on public.posts; drop function public.break()"


@pytest.fixture
async def broken_posts(database: Database) -> AsyncIterator[None]:
    """Every write of a post fails in the database, with a text that nobody may see."""
    for statements, is_end in ((BREAK, False), (MEND, True)):
        async with database.acting(system("test")).transaction() as transaction:
            await transaction.run("set local role monynha_owner")
            await transaction.run(statements)
        if not is_end:
            yield


@pytest.mark.usefixtures("broken_posts")
async def test_a_failure_inside_tells_nothing_of_it(ada: Person, capfd: pytest.CaptureFixture[str]) -> None:
    plain = await ada.post("/posts", {"title": "x", "content": ""})
    shown = await ada.post(
        "/posts?include=author", {"title": "x", "content": ""}, headers={"X-Request-Id": "r1"}
    )

    for answer in (plain, shown):
        error = answer.json()["error"]
        assert (500, "INTERNAL_ERROR") == (answer.status_code, error["code"])
        assert answer.headers["x-request-id"] == error["requestId"]
        for word in (SECRET, "4711", "asyncpg", "RaiseError", "P0001", "public.posts"):
            assert word not in answer.text
        assert {"code", "message", "requestId", "stack"} == error.keys()
        assert all(
            frame.startswith(("app/", "core/", "engine/", "infra/", "protocols/", "domains/"))
            for frame in error["stack"]
        )
    assert SECRET not in "".join(capfd.readouterr())


@pytest.mark.usefixtures("broken_posts")
async def test_production_shows_no_stack(ada: Person, program: Program) -> None:
    transport = httpx.ASGITransport(app=replace(program.edge, shows_stack=False))
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        answer = await replace(ada, client=client).post("/posts", {"title": "x", "content": ""})

    assert 500 == answer.status_code
    assert {"code", "message", "requestId"} == answer.json()["error"].keys()


async def test_after_a_failure_the_next_is_served(ada: Person, broken_posts: None) -> None:
    for _ in range(15):  # more than there are connections
        assert 500 == (await ada.post("/posts", {"title": "x", "content": ""})).status_code
        assert 500 == (await ada.post("/posts?fields=id", {"title": "x", "content": ""})).status_code
        assert 200 == (await ada.get("/posts")).status_code


ERRORS = [RuntimeError(SECRET), KeyError(SECRET), RecursionError(SECRET), MemoryError(SECRET)]


@pytest.mark.parametrize("error", ERRORS, ids=repr)
async def test_any_error_is_an_answer(error: Exception) -> None:
    async def handler(request: Request) -> Response:
        raise error

    edge = Edge(Router([Area("", (Route("GET", "/", handler),))]), Origins(), Clients())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=edge), base_url="http://x") as client:
        answer = await client.get("/")

    assert (500, "INTERNAL_ERROR") == (answer.status_code, answer.json()["error"]["code"])
    assert SECRET not in answer.text


async def test_while_the_database_is_away_it_is_said_and_passes(settings: Settings, tmp_path: Path) -> None:
    own = with_secrets(replace(settings, data_dir=tmp_path / "data", jwt_secret=""))
    async with servers(own) as found:
        program = await build(own, found)
        transport = httpx.ASGITransport(app=program)
        client = httpx.AsyncClient(transport=transport, base_url="http://monynha.test")
        tokens = AccessTokens(own.jwt_secret, issuer=f"{own.site_url}/auth/v1", ttl_s=3600)
        ada = await People(program.database, tokens, client).new("Ada")
        project = await ada.project()

    path = f"/projects/{project['id']}"
    away: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("GET", "/projects?include=owner", None),
        ("GET", "/projects?limit=0", None),
        ("POST", "/projects", {"name": "x"}),
        ("POST", "/posts", {"title": "x", "content": ""}),
        ("PUT", path, {"name": "Changed"}),
        ("DELETE", path, None),
    ]
    for method, address, body in away * 2:
        answer = await ada.ask(method, address, json=body)
        assert (503, "UNAVAILABLE") == (answer.status_code, answer.json()["error"]["code"])
        assert int(answer.headers["retry-after"]) > 0
        assert {"code", "message", "requestId"} == answer.json()["error"].keys()
    assert 200 == (await client.get("/healthz")).status_code
    assert (503, "1") == ((ready := await client.get("/readyz")).status_code, ready.headers["retry-after"])
    assert 401 == (await client.get("/api/v1/projects")).status_code
    assert 404 == (await ada.get("/nothing")).status_code

    async with servers(own):
        back = [await ada.ask("GET", path) for _ in range(12)]
        assert {200} == {answer.status_code for answer in back}
        assert project == back[0].json()["data"]
        assert 201 == (await ada.post("/projects", {"name": "x"})).status_code
        assert 200 == (await client.get("/readyz")).status_code
        await program.close()
    await client.aclose()
