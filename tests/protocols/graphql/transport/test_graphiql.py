"""The GraphiQL page loads nothing from other servers, and exists in development only."""

from __future__ import annotations

import re
from dataclasses import replace

import httpx
import pytest

from monynha.app.composition.application import build
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

pytestmark = pytest.mark.anyio

HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def test_graphiql_page_loads_only_its_own_assets(client: httpx.AsyncClient) -> None:
    page = await client.get("/graphql", headers=HTML)

    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assets = [await client.get(link) for link in links]
    assert page.status_code == 200
    assert len(links) == 6
    assert {part.status_code for part in assets} == {200}
    assert all(link.startswith("/graphql/graphiql/") for link in links)
    assert not re.search(r"@import|url\((?!['\"]?data:)", "".join(part.text for part in assets[:2]))
    assert "default-src 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize("name", ["nothing.js", "index.html", "..%2findex.html", "react.LICENSE"])
async def test_only_the_assets_of_the_page_are_served(client: httpx.AsyncClient, name: str) -> None:
    response = await client.get(f"/graphql/graphiql/{name}")

    assert response.status_code == 404


async def test_production_has_no_graphiql(settings: Settings, running_servers: ServerUrls) -> None:
    program = await build(replace(settings, app_env="production"), running_servers)
    transport = httpx.ASGITransport(app=program.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        page = await client.get("/graphql", headers=HTML)
        asset = await client.get("/graphql/graphiql/page.js")
        schema = await client.post("/graphql", json={"query": "{ __schema { queryType { name } } }"})
    await program.close()

    assert [page.status_code, asset.status_code] == [400, 404]
    assert "introspection" in schema.json()["errors"][0]["message"]
