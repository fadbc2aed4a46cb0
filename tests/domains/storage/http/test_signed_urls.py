"""Signing over HTTP: one object or many, with or without a transformation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.storage.clients import StorageClient, wire_error

pytestmark = pytest.mark.anyio


async def test_many_urls_are_signed_at_once(bucket: str, service: StorageClient, anonymous: StorageClient) -> None:
    await service.put_object(f"{bucket}/a.txt", b"hello")

    answers = (await service.post(f"/object/sign/{bucket}", {"expiresIn": 60, "paths": ["a.txt", "no.txt"]})).json()

    assert [(answer["path"], answer["error"]) for answer in answers] == [
        ("a.txt", None),
        ("no.txt", "Either the object does not exist or you do not have access to it"),
    ]
    assert answers[1]["signedURL"] is None
    assert (await anonymous.get(answers[0]["signedURL"])).content == b"hello"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidRequest"),
        ({"expiresIn": 0}, "InvalidRequest"),
        ({"expiresIn": "soon"}, "InvalidRequest"),
        ({"expiresIn": 10**12}, "InvalidRequest"),
        ({"expiresIn": 60, "transform": 1}, "InvalidRequest"),
    ],
)
async def test_wrong_request_is_not_signed(bucket: str, service: StorageClient, body: Any, code: str) -> None:
    await service.put_object(f"{bucket}/a.txt")

    assert wire_error(await service.post(f"/object/sign/{bucket}/a.txt", body))[2] == code


async def test_missing_object_is_not_signed(bucket: str, service: StorageClient) -> None:
    body = {"expiresIn": 60}

    outcomes = [
        wire_error(await service.post(f"/object/sign/{bucket}/no.txt", body)),
        wire_error(await service.post("/object/sign/nowhere/no.txt", body)),
        wire_error(await service.post("/object/sign/nowhere", {**body, "paths": ["no.txt"]})),
    ]

    assert outcomes == [(400, "404", "NoSuchKey"), (400, "404", "NoSuchBucket"), (400, "404", "NoSuchBucket")]


async def test_transformation_is_part_of_the_token(bucket: str, service: StorageClient) -> None:
    await service.put_object(f"{bucket}/a.txt")

    url = (await service.post(f"/object/sign/{bucket}/a.txt", {"expiresIn": 60, "transform": {"width": 5}})).json()
    plain = (await service.post(f"/object/sign/{bucket}/a.txt", {"expiresIn": 60, "transform": {}})).json()

    assert url["signedURL"].startswith(f"/render/image/sign/{bucket}/a.txt?token=")
    assert plain["signedURL"].startswith(f"/object/sign/{bucket}/a.txt?token=")
