"""The assembled program: the services it runs, and what it refuses to start with."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls

pytestmark = pytest.mark.anyio

PATHS_BY_SERVICE = {
    "api": ("/api/v1/projects", "/openapi.json", "/docs", "/graphql"),
    "auth": ("/auth/v1/settings", "/auth/v1/health"),
    "web": ("/",),
}


async def statuses_of(application: Application) -> dict[str, int]:
    """Return the status of a GET of each path."""
    transport = httpx.ASGITransport(app=application.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        paths = [path for paths in PATHS_BY_SERVICE.values() for path in paths]
        return {path: (await client.get(path)).status_code for path in ("/healthz", *paths)}


@pytest.mark.parametrize("service", PATHS_BY_SERVICE)
async def test_only_the_enabled_service_is_served(
    settings: Settings, running_servers: ServerUrls, service: str
) -> None:
    application = await build(replace(settings, services=frozenset({service})), running_servers)
    try:
        statuses = await statuses_of(application)
    finally:
        await application.close()

    assert statuses.pop("/healthz") == 200
    assert {path for path, status in statuses.items() if status != 404} == set(PATHS_BY_SERVICE[service])


async def test_wrong_sender_of_mail_stops_the_start(settings: Settings, running_servers: ServerUrls) -> None:
    with pytest.raises(SettingsError, match=r"^SMTP_URL: `from` must be an email address"):
        await build(replace(settings, smtp_url="smtp://127.0.0.1:1?from=nobody"), running_servers)


@pytest.mark.parametrize(
    ("app_env", "site_url", "expected"),
    [
        ("production", "https://monynha.example", "max-age=31536000"),
        ("production", "http://monynha.example", None),
        ("development", "https://monynha.example", None),
    ],
)
async def test_browsers_stay_with_tls_in_production_behind_tls(
    settings: Settings, running_servers: ServerUrls, app_env: str, site_url: str, expected: str | None
) -> None:
    production = replace(settings, app_env=app_env, site_url=site_url, smtp_url="smtp://127.0.0.1:1")
    application = await build(production, running_servers)
    transport = httpx.ASGITransport(app=application.http)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            response = await client.get("/auth/v1/settings")
    finally:
        await application.close()

    assert response.headers.get("strict-transport-security") == expected
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(("app_env", "status"), [("development", 200), ("production", 404)])
async def test_only_development_has_a_mailbox(
    settings: Settings, running_servers: ServerUrls, app_env: str, status: int
) -> None:
    application = await build(
        replace(settings, app_env=app_env, smtp_url="smtp://127.0.0.1:1", services=frozenset({"api"})), running_servers
    )
    transport = httpx.ASGITransport(app=application.http)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            response = await client.get("/dev/mail")
    finally:
        await application.close()

    assert response.status_code == status
