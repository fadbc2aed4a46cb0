"""The page to try queries on: whole without anybody else's server, and in development only."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from monynha.app.asgi import build
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_a_browser_is_shown_a_page_that_loads_only_from_here(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphql", headers=HTML)

    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    parts = [await client.get(link) for link in links]
    assert 200 == page.status_code
    assert 6 == len(links)
    assert {200} == {part.status_code for part in parts}
    assert all(link.startswith("/graphql/graphiql/") for link in links)
    assert not re.search(r"@import|url\((?!['\"]?data:)", "".join(part.text for part in parts[:2]))
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2findex.html", "react.LICENSE"])
async def test_nothing_else_is_served_there(client: httpx.AsyncClient, name: str) -> None:
    answer = await client.get(f"/graphql/graphiql/{name}")

    assert 404 == answer.status_code


async def test_production_has_no_page(settings: Settings, running_servers: Servers) -> None:
    program = await build(replace(settings, app_env="production"), running_servers)
    transport = httpx.ASGITransport(app=program)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        page = await client.get("/graphql", headers=HTML)
        part = await client.get("/graphql/graphiql/page.js")
        schema = await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
    await program.close()

    assert [400, 404] == [page.status_code, part.status_code]
    assert "introspection" in schema.json()["errors"][0]["message"]
