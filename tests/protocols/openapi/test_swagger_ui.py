"""The Swagger UI page: it is complete, and loads nothing from other hosts."""

from __future__ import annotations

import re

import httpx
import pytest

pytestmark = pytest.mark.anyio

DOCS_PATHS = ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]


@pytest.mark.parametrize("path", DOCS_PATHS)
async def test_docs_page_loads_nothing_from_other_hosts(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    policy = response.headers["content-security-policy"]

    assert response.status_code == 200
    assert "default-src 'none'; script-src 'self'; " in policy
    assert "http" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_every_file_of_the_docs_page_exists(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    urls = {url for url in re.findall(r'(?:src|href)="([^"]+)"', page) if not url.startswith("data:")}

    assert urls == {*DOCS_PATHS, "/openapi.json"} - {"/docs"}
    for url in urls:
        assert (await client.get(url)).status_code == 200, url


async def test_landing_page_links_to_the_docs(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text

    assert '<a href="/docs">' in page
    assert '<a href="/openapi.json">' in page
