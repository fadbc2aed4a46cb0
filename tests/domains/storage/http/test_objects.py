"""Moves, copies, removals and information."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.storage.clients import StorageClient, wire_error

pytestmark = pytest.mark.anyio


async def test_move_keeps_the_object_and_its_body(bucket: str, service: StorageClient) -> None:
    stored = await service.put_object(f"{bucket}/a.txt", b"body")
    other = await service.create_bucket()
    body = {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "b/c.txt", "destinationBucket": other}

    response = await service.post("/object/move", body)

    assert response.json() == {"message": "Successfully moved", "Id": stored["Id"], "Key": f"{other}/b/c.txt"}
    assert (await service.download(f"{other}/b/c.txt")).content == b"body"
    assert wire_error(await service.download(f"{bucket}/a.txt")) == (400, "404", "NoSuchKey")


async def test_move_respects_the_limits_of_the_other_bucket(bucket: str, service: StorageClient) -> None:
    await service.put_object(f"{bucket}/a.txt", b"body")
    small = await service.create_bucket(file_size_limit=3)
    images = await service.create_bucket(allowed_mime_types=["image/*"])
    body = {"bucketId": bucket, "sourceKey": "a.txt", "destinationKey": "a.txt"}

    outcomes = [
        wire_error(await service.post("/object/move", {**body, "destinationBucket": other}))[1:]
        for other in (small, images, "nowhere")
    ]

    assert outcomes == [("413", "EntityTooLarge"), ("415", "InvalidMimeType"), ("404", "NoSuchBucket")]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"sourceKey": "no.txt", "destinationKey": "b.txt"}, "NoSuchKey"),
        ({"sourceKey": "a.txt", "destinationKey": "taken.txt"}, "KeyAlreadyExists"),
        ({"sourceKey": "a.txt", "destinationKey": ""}, "InvalidKey"),
        ({"sourceKey": "a.txt"}, "InvalidRequest"),
        ({"sourceKey": "a.txt", "destinationKey": 1}, "InvalidRequest"),
    ],
)
@pytest.mark.parametrize("verb", ["move", "copy"])
async def test_move_and_copy_name_what_is_wrong(
    bucket: str, service: StorageClient, verb: str, body: dict[str, Any], code: str
) -> None:
    for name in ("a.txt", "taken.txt"):
        await service.put_object(f"{bucket}/{name}", name.encode())

    response = await service.post(f"/object/{verb}", {"bucketId": bucket, **body})

    assert wire_error(response)[2] == code
    assert (await service.download(f"{bucket}/taken.txt")).content == b"taken.txt"


async def test_copy_takes_the_metadata_along_or_new_ones(bucket: str, service: StorageClient) -> None:
    headers = {"cache-control": "max-age=60", "x-metadata": "eyJhIjogMX0="}
    await service.put_object(f"{bucket}/a.txt", b"body", headers=headers)
    body = {"bucketId": bucket, "sourceKey": "a.txt"}

    same = await service.post("/object/copy", {**body, "destinationKey": "same.txt"})
    await service.post(
        "/object/copy",
        {**body, "destinationKey": "new.txt", "copyMetadata": False, "metadata": {"mimetype": "text/csv"}},
        headers={"x-metadata": "eyJiIjogMn0="},
    )
    replaced = await service.post("/object/copy", {**body, "destinationKey": "new.txt"}, headers={"x-upsert": "true"})

    assert (same.json()["Key"], same.json()["name"]) == (f"{bucket}/same.txt", "same.txt")
    assert replaced.status_code == 200
    information = (await service.get(f"/object/info/{bucket}/same.txt")).json()
    assert (information["metadata"], information["cache_control"]) == ({"a": 1}, "max-age=60")


async def test_removal_answers_with_what_was_removed(bucket: str, service: StorageClient) -> None:
    for name in ("a.txt", "b/c.txt", "kept.txt"):
        await service.put_object(f"{bucket}/{name}")

    many = await service.request(
        "DELETE", f"/object/{bucket}", json={"prefixes": ["a.txt", {"path": "b/c.txt"}, "missing.txt"]}
    )
    single = await service.request("DELETE", f"/object/{bucket}/kept.txt")
    again = await service.request("DELETE", f"/object/{bucket}/kept.txt")

    assert sorted(row["name"] for row in many.json()) == ["a.txt", "b/c.txt"]
    assert single.json() == {"message": "Successfully deleted"}
    assert wire_error(again) == (400, "404", "NoSuchKey")


@pytest.mark.parametrize("prefixes", [[], ["a"] * 1001, "a", [1], ["\x00"], None])
async def test_wrong_removal_is_refused(bucket: str, service: StorageClient, prefixes: Any) -> None:
    response = await service.request("DELETE", f"/object/{bucket}", json={"prefixes": prefixes})

    assert wire_error(response) == (400, "400", "InvalidRequest")


async def test_information_is_that_of_the_wire(bucket: str, service: StorageClient) -> None:
    stored = await service.put_object(f"{bucket}/a.txt", b"body")

    response = await service.get(f"/object/info/authenticated/{bucket}/a.txt")
    information = response.json()

    assert information.keys() == {
        *("id", "name", "version", "bucket_id", "size", "content_type", "cache_control", "etag", "metadata"),
        *("last_modified", "created_at"),
    }
    assert (information["id"], information["size"]) == (stored["Id"], 4)
    assert response.headers["etag"] == information["etag"]


async def test_cache_of_a_missing_object_is_not_purged(bucket: str, service: StorageClient) -> None:
    await service.put_object(f"{bucket}/a.txt")

    present = await service.request("DELETE", f"/cdn/{bucket}/a.txt")
    missing = await service.request("DELETE", f"/cdn/{bucket}/b.txt")

    assert present.json() == {"message": "success"}
    assert wire_error(missing) == (400, "404", "NoSuchKey")
