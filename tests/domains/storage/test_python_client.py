"""The unmodified Python client of Supabase against the running program."""

from __future__ import annotations

import httpx
import pytest
from storage3 import AsyncStorageClient
from storage3.exceptions import StorageApiError
from supabase import AsyncClientOptions, acreate_client

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings

pytestmark = pytest.mark.anyio


async def test_python_client_stores_and_reads_files(settings: Settings, address: str) -> None:
    key = make_key("service_role", settings.jwt_secret)
    async with httpx.AsyncClient() as http:
        options = AsyncClientOptions(auto_refresh_token=False, httpx_client=http)
        await store_and_read((await acreate_client(f"http://{address}", key, options)).storage, address)


async def store_and_read(storage: AsyncStorageClient, address: str) -> None:
    """Use every call for buckets and objects."""
    name = "python-client"
    await storage.create_bucket(name, options={"public": True, "file_size_limit": 1_000_000})
    bucket = storage.from_(name)
    await bucket.upload("a/b.txt", b"hello", {"content-type": "text/plain", "cache-control": "60"})
    information = await bucket.info("a/b.txt")
    listed = await bucket.list("a")
    folders = await bucket.list_v2({"with_delimiter": True})
    await bucket.copy("a/b.txt", "c.txt")
    await bucket.move("c.txt", "d.txt")
    signed = await bucket.create_signed_url("d.txt", 60)
    upload = await bucket.create_signed_upload_url("e.txt")
    await bucket.upload_to_signed_url(upload["path"], upload["token"], b"signed")
    with pytest.raises(StorageApiError) as error:
        await bucket.upload("d.txt", b"again")
    removed = await bucket.remove(["a/b.txt", "e.txt"])
    body = await bucket.download("d.txt")
    await storage.empty_bucket(name)
    await storage.delete_bucket(name)

    assert (information["size"], information["cache_control"]) == (5, "max-age=60")
    assert ([entry["name"] for entry in listed], [folder.key for folder in folders.folders]) == (["b.txt"], ["a"])
    assert str(signed["signedURL"]).startswith(f"http://{address}/storage/v1/object/sign/{name}/d.txt?token=")
    assert (error.value.code, error.value.message) == ("Duplicate", "The resource already exists")
    assert (len(removed), body) == (2, b"hello")
