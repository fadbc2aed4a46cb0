"""Rate limits: requests by user or address, public reads apart, uploads by user; and names that no bucket has."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from monynha.app.composition.application import Application
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.storage.http import route_group
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.rendering import ImageRenderer
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import Router
from tests.domains.storage.clients import StorageClient, wire_error
from tests.project_team import ProjectTeam

pytestmark = pytest.mark.anyio


@pytest.fixture
async def limited(program: Application, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of storage with low limits, whose address no other test has."""
    limits = RateLimits(
        RateLimiter(program.valkey),
        api_per_user=Limit(50, 60),
        api_per_ip=Limit(3, 60),
        upload_per_user=Limit(2, 60),
        public_per_ip=Limit(4, 60),
    )
    renderer = ImageRenderer(program.storage.store, program.files.images)
    context = StorageContext(program.storage, program.auth.authenticate, limits, settings.site_url, renderer)
    http = HttpApplication(Router([route_group(context)]), CorsPolicy(), logs_requests=False)
    transport = httpx.ASGITransport(app=http, client=("198.51.100.77", 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield client
    await limits.close()


async def test_public_reads_count_apart_from_other_requests(limited: httpx.AsyncClient, service: StorageClient) -> None:
    bucket = await service.create_bucket(public=True)
    await service.put_object(f"{bucket}/a")
    anonymous, guessing = StorageClient(limited), StorageClient(limited, "not-a-token")

    public = [await anonymous.get(f"/object/public/{bucket}/a") for _ in range(5)]
    guesses = [await guessing.get("/bucket") for _ in range(4)]

    assert [response.status_code for response in public] == [200, 200, 200, 200, 429]
    assert wire_error(public[-1]) == (429, "429", "SlowDown")
    assert int(public[-1].headers["retry-after"]) > 0
    assert public[0].headers["ratelimit-limit"] == "4"
    assert [response.status_code for response in guesses] == [400, 400, 400, 429]


async def test_uploads_of_a_user_are_counted_and_those_of_the_service_key_are_not(
    limited: httpx.AsyncClient, team: ProjectTeam, service: StorageClient, bucket: str
) -> None:
    user, key = StorageClient(limited, team.owner.token), replace(service, http=limited)
    folder = f"project-files/{team.project['id']}/{team.owner.id}"

    own = [await user.upload(f"{folder}/{number}.txt") for number in range(3)]
    with_key = [await key.upload(f"{bucket}/{number}") for number in range(3)]

    assert [response.status_code for response in own] == [200, 200, 429]
    assert [response.status_code for response in with_key] == [200, 200, 200]


async def test_resumable_upload_counts_once(limited: httpx.AsyncClient, team: ProjectTeam) -> None:
    from tests.domains.storage.http.test_resumable import PATCH, PATH, TUS, metadata_of, path_of

    user = StorageClient(limited, team.owner.token)
    name = f"{team.project['id']}/{team.owner.id}/a.txt"
    headers = {**TUS, "upload-length": "3", "upload-metadata": metadata_of("project-files", name)}
    created = await user.request("POST", PATH, headers=headers)

    patches = [
        await user.request("PATCH", path_of(created), content=b"x", headers={**PATCH, "upload-offset": str(offset)})
        for offset in range(3)
    ]

    assert [created.status_code, *(response.status_code for response in patches)] == [201, 204, 204, 204]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/bucket/{name}"),
        ("DELETE", "/bucket/{name}"),
        ("POST", "/bucket/{name}/empty"),
        ("POST", "/object/list/{name}"),
        ("GET", "/object/{name}/a.txt"),
        ("GET", "/object/public/{name}/a.txt"),
        ("GET", "/render/image/public/{name}/a.txt"),
        ("POST", "/object/{name}/a.txt"),
        ("POST", "/object/upload/sign/{name}/a.txt"),
    ],
)
async def test_no_bucket_has_a_name_with_nul(service: StorageClient, method: str, path: str) -> None:
    response = await service.request(method, path.format(name="a%00b"))

    assert wire_error(response)[1:] == ("404", "NoSuchBucket")


async def test_public_download_from_a_bucket_with_nul_is_not_found(anonymous: StorageClient) -> None:
    assert wire_error(await anonymous.get("/object/public/a%00b/a.txt"))[1:] == ("404", "NoSuchBucket")
    assert wire_error(await anonymous.get("/object/a%00b/a.txt"))[1:] == ("404", "NoSuchBucket")
