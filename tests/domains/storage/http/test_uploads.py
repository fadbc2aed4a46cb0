"""Uploads over HTTP: the forms of a body, what it may not be, signed uploads, limits."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

from tests.domains.storage.clients import StorageClient, wire_error
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def information(service: StorageClient, path: str) -> tuple[str, str, Any]:
    """Return media type, Cache-Control and metadata of an object."""
    values = (await service.get(f"/object/info/{path}")).json()
    return values["content_type"], values["cache_control"], values["metadata"]


async def test_raw_body_is_described_by_headers(bucket: str, service: StorageClient) -> None:
    metadata = b64encode(b'{"a": [1, "\xc3\xa4"]}').decode()
    headers = {"content-type": "application/json", "cache-control": "max-age=60", "x-metadata": metadata}

    answer = await service.put_object(f"{bucket}/a.json", b'{"not": parsed', headers=headers)

    assert answer == {"Id": answer["Id"], "Key": f"{bucket}/a.json"}
    assert (await service.download(f"{bucket}/a.json")).content == b'{"not": parsed'
    assert await information(service, f"{bucket}/a.json") == ("application/json", "max-age=60", {"a": [1, "ä"]})


@pytest.mark.parametrize("name", ["", "file"])
async def test_form_has_fields_before_and_after_the_file(bucket: str, service: StorageClient, name: str) -> None:
    body = (
        b'--x\r\ncontent-disposition: form-data; name="cacheControl"\r\n\r\n3600\r\n'
        b'--x\r\ncontent-disposition: form-data; name="%b"; filename="a"\r\ncontent-type: image/png\r\n\r\nbody\r\n'
        b'--x\r\ncontent-disposition: form-data; name="metadata"\r\n\r\n{"a": 1}\r\n--x--\r\n'
    ) % name.encode()
    headers = {"content-type": "multipart/form-data; boundary=x"}

    await service.put_object(f"{bucket}/a", body, headers=headers)

    assert (await service.download(f"{bucket}/a")).content == b"body"
    assert await information(service, f"{bucket}/a") == ("image/png", "max-age=3600", {"a": 1})


async def test_defaults_are_octets_that_are_not_cached(bucket: str, service: StorageClient) -> None:
    await service.request("POST", f"/object/{bucket}/a", content=b"x", headers={"content-type": ""})

    assert await information(service, f"{bucket}/a") == ("application/octet-stream", "no-cache", {})


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-type": "not a type"}, "InvalidMimeType"),
        ({"x-metadata": "!"}, "InvalidRequest"),
        ({"x-metadata": b64encode(b"[]").decode()}, "InvalidRequest"),
        ({"x-metadata": b64encode(b'{"a": "\\u0000"}').decode()}, "InvalidRequest"),
        ({"x-metadata": b64encode(b'{"a": "' + b"x" * 70_000 + b'"}').decode()}, "InvalidRequest"),
        ({"cache-control": "x" * 300}, "InvalidRequest"),
        ({"content-type": "multipart/form-data"}, "InvalidRequest"),
        ({"content-type": "multipart/form-data; boundary=x"}, "InvalidRequest"),
    ],
)
async def test_wrong_description_is_refused_and_nothing_is_stored(
    bucket: str, service: StorageClient, headers: dict[str, str], code: str
) -> None:
    response = await service.upload(f"{bucket}/a", headers=headers)

    assert wire_error(response)[2] == code
    assert (await service.post(f"/object/list/{bucket}", {})).json() == []


async def test_form_with_two_files_or_none_is_refused(bucket: str, service: StorageClient) -> None:
    two = await service.request("POST", f"/object/{bucket}/a", files=[("a", ("a", b"1")), ("b", ("b", b"2"))])
    none = await service.request("POST", f"/object/{bucket}/a", files=[("a", (None, b"1"))])

    assert [response.json()["message"] for response in (two, none)] == [
        "The form must have one file",
        "The form has no file",
    ]


async def test_preamble_of_ten_megabytes_is_refused(bucket: str, service: StorageClient) -> None:
    taken = 0

    async def preamble() -> AsyncGenerator[bytes]:
        nonlocal taken
        for _ in range(160):
            taken += 65_536
            yield b"x" * 65_536
        yield b'\r\n--x\r\ncontent-disposition: form-data; name=""; filename="a"\r\n\r\nbody\r\n--x--\r\n'

    response = await service.upload(
        f"{bucket}/a", preamble(), headers={"content-type": "multipart/form-data; boundary=x"}
    )

    assert wire_error(response) == (400, "400", "InvalidRequest")


@pytest.mark.parametrize("name", ["..%2f..%2fetc%2fpasswd", "a/../../b", "./a", "%2e%2e/a"])
async def test_traversing_name_is_a_name_like_any_other(bucket: str, service: StorageClient, name: str) -> None:
    response = await service.upload(f"{bucket}/{name}", b"mine")

    # Names are no paths: where a body is stored depends on its version alone.
    if response.status_code == 200:
        key = response.json()["Key"].partition("/")[2]
        listed = (await service.post(f"/object/list-v2/{bucket}", {})).json()["objects"]
        assert [entry["name"] for entry in listed] == [key]
    else:
        assert wire_error(response)[2] in ("InvalidKey", "InvalidRequest", "NoSuchBucket")


async def test_signed_upload_is_one_object_for_who_holds_the_token(
    bucket: str, service: StorageClient, anonymous: StorageClient
) -> None:
    url = (await service.post(f"/object/upload/sign/{bucket}/a.txt")).json()["url"]
    headers = {"content-type": "text/plain"}

    first = await anonymous.request("PUT", url, content=b"first", headers=headers)
    second = await anonymous.request("PUT", url, content=b"second", headers=headers)
    elsewhere = await anonymous.request("PUT", url.replace("a.txt", "b.txt"), content=b"x", headers=headers)
    without = await anonymous.request("PUT", f"/object/upload/sign/{bucket}/a.txt", content=b"x", headers=headers)

    assert first.json() == {"Key": f"{bucket}/a.txt"}
    assert wire_error(second) == (400, "409", "KeyAlreadyExists")
    assert wire_error(elsewhere) == (400, "400", "InvalidSignature")
    assert wire_error(without) == (400, "400", "InvalidSignature")
    assert (await service.download(f"{bucket}/a.txt")).content == b"first"


async def test_signed_upload_replaces_if_that_was_signed(
    bucket: str, service: StorageClient, anonymous: StorageClient
) -> None:
    await service.put_object(f"{bucket}/a.txt", b"first")
    refused = await service.post(f"/object/upload/sign/{bucket}/a.txt")
    signed = await service.post(f"/object/upload/sign/{bucket}/a.txt", headers={"x-upsert": "true"})

    response = await anonymous.request("PUT", signed.json()["url"], content=b"second")

    assert wire_error(refused) == (400, "409", "KeyAlreadyExists")
    assert response.status_code == 200
    assert (await service.download(f"{bucket}/a.txt")).content == b"second"


async def test_upload_is_signed_only_for_who_may_upload(
    bucket: str, user: ApiUser, storage_client: Callable[[ApiUser], StorageClient]
) -> None:
    response = await storage_client(user).post(f"/object/upload/sign/{bucket}/a.txt")

    assert wire_error(response) == (400, "403", "AccessDenied")
