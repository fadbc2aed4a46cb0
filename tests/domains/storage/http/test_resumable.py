"""Resumable uploads over HTTP: the headers of TUS 1.0.0."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import httpx
import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from monynha.domains.storage.errors import TusProtocolError
from monynha.domains.storage.http.resumable import parse_upload_metadata
from tests.domains.storage.clients import StorageClient

pytestmark = pytest.mark.anyio

PATH = "/upload/resumable"
TUS = {"tus-resumable": "1.0.0"}
PATCH = {**TUS, "content-type": "application/offset+octet-stream"}


def metadata_of(bucket: str, name: str = "a.txt", **more: str) -> str:
    """Return an Upload-Metadata header."""
    pairs = {"bucketName": bucket, "objectName": name, "contentType": "text/plain", "cacheControl": "60", **more}
    return ",".join(f"{key} {b64encode(value.encode()).decode()}" for key, value in pairs.items())


async def create(client: StorageClient, bucket: str, size: int | None = 10, **options: Any) -> Any:
    """Begin an upload; return the response."""
    length = {"upload-defer-length": "1"} if size is None else {"upload-length": str(size)}
    headers = {**TUS, **length, "upload-metadata": metadata_of(bucket), **options.pop("headers", {})}
    return await client.request("POST", options.pop("path", PATH), headers=headers, **options)


def path_of(response: Any) -> str:
    """Return the path of an upload below /storage/v1."""
    return str(response.headers["location"]).partition("/storage/v1")[2]


async def test_upload_is_created_written_and_finished(bucket: str, service: StorageClient) -> None:
    created = await create(service, bucket)
    path = path_of(created)
    first = await service.request("PATCH", path, content=b"01234", headers={**PATCH, "upload-offset": "0"})
    head = await service.request("HEAD", path, headers=TUS)
    last = await service.request("PATCH", path, content=b"56789", headers={**PATCH, "upload-offset": "5"})

    assert (created.status_code, created.headers["upload-offset"]) == (201, "0")
    assert created.headers["location"].startswith("http://monynha.test/storage/v1/upload/resumable/")
    assert created.headers["upload-expires"].endswith("GMT")
    assert (first.status_code, first.headers["upload-offset"]) == (204, "5")
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (200, "5", "10")
    assert head.headers["upload-metadata"] == metadata_of(bucket)
    assert head.headers["cache-control"] == "no-store"
    assert (last.status_code, last.headers["upload-offset"], last.headers["tus-complete"]) == (204, "10", "1")
    assert (await service.download(f"{bucket}/a.txt")).content == b"0123456789"


async def test_upload_may_carry_data_from_the_start(bucket: str, service: StorageClient) -> None:
    created = await create(service, bucket, content=b"0123456789", headers=PATCH)

    assert (created.status_code, created.headers["upload-offset"]) == (201, "10")
    assert (await service.download(f"{bucket}/a.txt")).content == b"0123456789"


async def test_empty_and_deferred_uploads(bucket: str, service: StorageClient) -> None:
    empty = await create(service, bucket, 0)
    deferred = await create(service, bucket, None, headers={"x-upsert": "true"})
    head = await service.request("HEAD", path_of(deferred), headers=TUS)
    headers = {**PATCH, "upload-offset": "0", "upload-length": "3"}
    finished = await service.request("PATCH", path_of(deferred), content=b"abc", headers=headers)

    assert (empty.status_code, head.headers["upload-defer-length"]) == (201, "1")
    assert finished.headers["tus-complete"] == "1"
    assert (await service.download(f"{bucket}/a.txt")).content == b"abc"


async def test_options_tell_the_extensions(service: StorageClient) -> None:
    response = await service.request("OPTIONS", PATH)

    assert response.status_code == 204
    assert response.headers["tus-version"] == "1.0.0"
    assert set(response.headers["tus-extension"].split(",")) == {
        *("creation", "creation-with-upload", "creation-defer-length", "termination", "expiration")
    }
    assert int(response.headers["tus-max-size"]) == 1024**3


async def test_browsers_preflight_is_that_of_every_path(service: StorageClient) -> None:
    headers = {"origin": "http://localhost:5173", "access-control-request-method": "PATCH"}

    response = await service.request("OPTIONS", f"{PATH}/an-id", headers=headers)

    assert "PATCH" in response.headers["access-control-allow-methods"]
    assert "upload-offset" in response.headers["access-control-allow-headers"]


async def test_ended_upload_is_gone(bucket: str, service: StorageClient) -> None:
    path = path_of(await create(service, bucket))

    ended = await service.request("DELETE", path, headers=TUS)

    assert ended.status_code == 204
    assert (await service.request("HEAD", path, headers=TUS)).status_code == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"upload-offset": "3"}, 409),
        ({"upload-offset": "-1"}, 400),
        ({"upload-offset": ""}, 400),
        ({"upload-offset": "0", "content-type": "text/plain"}, 415),
        ({"upload-offset": "0", "tus-resumable": "0.2.2"}, 412),
    ],
)
async def test_patch_that_does_not_follow_the_protocol_is_refused(
    bucket: str, service: StorageClient, headers: dict[str, str], status: int
) -> None:
    path = path_of(await create(service, bucket))

    response = await service.request("PATCH", path, content=b"x", headers={**PATCH, **headers})

    assert response.status_code == status
    assert response.json()["statusCode"] == str(status)
    assert (await service.request("HEAD", path, headers=TUS)).headers["upload-offset"] == "0"


@pytest.mark.parametrize(
    ("headers", "status", "text"),
    [
        ({"upload-metadata": ""}, 400, "bucketName"),
        ({"upload-metadata": "bucketName !"}, 400, "base64"),
        ({"upload-metadata": metadata_of("nowhere")}, 404, "Bucket not found"),
        ({"upload-metadata": metadata_of("{bucket}", "a\r\nb")}, 400, "Invalid key"),
        ({"upload-metadata": metadata_of("{bucket}", contentType="no type")}, 415, "mime type"),
        ({"upload-length": str(2**40)}, 413, "Maximum size exceeded"),
        ({"upload-length": "ten"}, 400, "upload-length"),
    ],
)
async def test_creation_that_is_wrong_is_refused(
    bucket: str, service: StorageClient, headers: dict[str, str], status: int, text: str
) -> None:
    replaced = {"{bucket}": bucket}
    metadata = headers.get("upload-metadata", "")
    for placeholder, value in replaced.items():
        metadata = metadata.replace(b64encode(placeholder.encode()).decode(), b64encode(value.encode()).decode())
    if "upload-metadata" in headers:
        headers = {**headers, "upload-metadata": metadata}

    response = await create(service, bucket, headers=headers)

    assert response.status_code == status
    assert text in response.text


async def test_creation_wants_a_length_and_rights(bucket: str, service: StorageClient) -> None:
    headers = {**TUS, "upload-metadata": metadata_of(bucket)}

    without_length = await service.request("POST", PATH, headers=headers)
    without_token = await StorageClient(service.http).request("POST", PATH, headers=headers)
    limited = await service.create_bucket(file_size_limit=5)

    assert (without_length.status_code, without_token.status_code) == (400, 400)
    assert (await create(service, limited)).status_code == 413


async def test_signed_upload_is_resumable_with_its_token_alone(
    bucket: str, service: StorageClient, anonymous: StorageClient
) -> None:
    token = (await service.post(f"/object/upload/sign/{bucket}/a.txt")).json()["token"]
    other = (await service.post(f"/object/upload/sign/{bucket}/b.txt")).json()["token"]
    signed = {"x-signature": token}

    created = await create(anonymous, bucket, path=f"{PATH}/sign", headers=signed)
    path = path_of(created)
    refused = await anonymous.request("HEAD", path, headers={**TUS, "x-signature": other})
    elsewhere = await create(anonymous, bucket, path=f"{PATH}/sign", headers={"x-signature": other})
    headers = {**PATCH, **signed, "upload-offset": "0"}
    finished = await anonymous.request("PATCH", path, content=b"0123456789", headers=headers)

    assert path.startswith("/upload/resumable/sign/")
    assert (refused.status_code, elsewhere.status_code) == (404, 400)
    assert finished.status_code == 204
    assert (await service.download(f"{bucket}/a.txt")).content == b"0123456789"


@pytest.mark.parametrize(
    ("headers", "base"),
    [
        ({"host": "files.example"}, "http://files.example"),
        ({"x-forwarded-host": "files.example, proxy", "x-forwarded-proto": "https"}, "https://files.example"),
        ({"host": "127.0.0.1:8000"}, "http://127.0.0.1:8000"),
    ],
)
async def test_location_is_where_the_client_reaches_us(
    bucket: str, service: StorageClient, headers: dict[str, str], base: str
) -> None:
    response = await create(service, bucket, headers=headers)

    assert response.headers["location"].startswith(f"{base}/storage/v1/upload/resumable/")


def test_upload_metadata_is_pairs_of_base64() -> None:
    assert parse_upload_metadata("a YQ==, empty , b w6Q=") == {"a": "a", "empty": "", "b": "ä"}
    for header in ("a !", "a AA==", "a /w==", "a " + "YQ==" * 30_000):
        with pytest.raises(TusProtocolError):
            parse_upload_metadata(header)


async def test_deferred_length_cannot_be_less_than_what_has_been_received(bucket: str, service: StorageClient) -> None:
    path = path_of(await create(service, bucket, None))
    await service.request("PATCH", path, content=b"0123456789", headers={**PATCH, "upload-offset": "0"})

    headers = {**PATCH, "upload-offset": "10", "upload-length": "5"}
    refused = await service.request("PATCH", path, headers=headers)
    head = await service.request("HEAD", path, headers=TUS)

    assert (refused.status_code, refused.json()["code"]) == (400, "TusError")
    assert (head.headers["upload-offset"], head.headers["upload-defer-length"]) == ("10", "1")


async def test_anon_key_does_not_go_on_with_uploads_of_the_service_key(
    bucket: str, service: StorageClient, client: httpx.AsyncClient, settings: Settings
) -> None:
    anon = StorageClient(client, make_key("anon", settings.jwt_secret))
    path = path_of(await create(service, bucket))

    outcomes = [
        (await anon.request("HEAD", path, headers=TUS)).status_code,
        (await anon.request("PATCH", path, content=b"evil!", headers={**PATCH, "upload-offset": "0"})).status_code,
        (await anon.request("DELETE", path, headers=TUS)).status_code,
    ]
    head = await service.request("HEAD", path, headers=TUS)

    assert outcomes == [404, 404, 404]
    assert (head.status_code, head.headers["upload-offset"]) == (200, "0")
