"""Buckets over HTTP: create, change, list, empty, delete."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.domains.storage.composition import StorageServices
from tests.domains.storage.clients import StorageClient, wire_error

pytestmark = pytest.mark.anyio


async def test_bucket_is_created_changed_and_deleted(service: StorageClient) -> None:
    name = await service.create_bucket(public=True, file_size_limit="20mb", allowed_mime_types=["image/*"])
    created = (await service.get(f"/bucket/{name}")).json()

    changed = await service.request("PUT", f"/bucket/{name}", json={"public": False, "file_size_limit": None})
    after = (await service.get(f"/bucket/{name}")).json()
    deleted = await service.request("DELETE", f"/bucket/{name}", content=b"")

    expected = {"id": name, "name": name, "owner": "", "public": True, "file_size_limit": 20_000_000}
    assert {key: created[key] for key in expected} == expected
    assert created["allowed_mime_types"] == ["image/*"]
    assert changed.json() == {"message": "Successfully updated"}
    assert (after["public"], after["file_size_limit"], after["allowed_mime_types"]) == (False, None, ["image/*"])
    assert deleted.json() == {"message": "Successfully deleted"}
    assert wire_error(await service.get(f"/bucket/{name}")) == (400, "404", "NoSuchBucket")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidRequest"),
        ({"name": ""}, "InvalidBucketName"),
        ({"name": "a/b"}, "InvalidBucketName"),
        ({"name": " a"}, "InvalidBucketName"),
        ({"name": "a", "public": "yes"}, "InvalidRequest"),
        ({"name": "a", "file_size_limit": "huge"}, "InvalidRequest"),
        ({"name": "a", "allowed_mime_types": ["image"]}, "InvalidMimeType"),
        ({"name": "a", "type": "ANALYTICS"}, "InvalidRequest"),
        ({"name": "project-files"}, "BucketAlreadyExists"),
        ([], "InvalidRequest"),
    ],
)
async def test_wrong_bucket_is_refused(service: StorageClient, body: Any, code: str) -> None:
    assert wire_error(await service.post("/bucket", body))[2] == code


async def test_change_without_content_is_refused(bucket: str, service: StorageClient) -> None:
    response = await service.request("PUT", f"/bucket/{bucket}", json={})

    assert wire_error(response) == (400, "400", "InvalidRequest")


async def test_buckets_are_listed_in_pages(service: StorageClient) -> None:
    names = sorted([await service.create_bucket() for _ in range(3)])

    listed = (await service.get("/bucket/", params={"search": "BUCKET-", "sortOrder": "desc", "limit": 10_000})).json()
    page = (await service.get("/bucket", params={"search": names[1], "sortColumn": "created_at"})).json()

    assert [row["name"] for row in listed if row["name"] in names] == names[::-1]
    assert [row["name"] for row in page] == [names[1]]
    assert wire_error(await service.get("/bucket", params={"sortColumn": "owner"})) == (400, "400", "InvalidRequest")


async def test_bucket_with_objects_is_emptied_before_it_is_deleted(
    bucket: str, service: StorageClient, storage: StorageServices
) -> None:
    for number in range(3):
        await service.put_object(f"{bucket}/{number}")

    refused = await service.request("DELETE", f"/bucket/{bucket}")
    emptied = await service.post(f"/bucket/{bucket}/empty")
    deleted = await service.request("DELETE", f"/bucket/{bucket}")

    assert wire_error(refused) == (400, "409", "ResourceNotEmpty")
    assert (emptied.status_code, deleted.status_code) == (200, 200)
    assert wire_error(await service.post("/bucket/nowhere/empty")) == (400, "404", "NoSuchBucket")


async def test_status_and_version_need_no_token(anonymous: StorageClient) -> None:
    responses = [await anonymous.get("/status"), await anonymous.get("/version")]

    assert [response.status_code for response in responses] == [200, 200]
    assert responses[1].text
    assert wire_error(await anonymous.get("/bucket")) == (400, "400", "InvalidRequest")
