"""A bucket in a cloud: errors without the library's texts, and what the URL chooses."""

from __future__ import annotations

import pytest

from monynha.infra.storage import StorageUnavailableError, open_store
from monynha.infra.storage.cloud_store import CloudStore

pytestmark = pytest.mark.anyio


async def test_server_that_does_not_answer_is_reported_without_its_address() -> None:
    store = open_store("s3://key:secret@files/x?region=us-east-1&endpoint=http://127.0.0.1:9")

    with pytest.raises(StorageUnavailableError) as error:
        await store.head("a")

    assert "127.0.0.1" not in error.value.message
    assert await store.is_reachable() is False


async def test_bucket_that_does_not_exist_holds_nothing(s3_url: str) -> None:
    store = open_store(s3_url.format(prefix="x").replace("@files", "@nowhere"))

    with pytest.raises(StorageUnavailableError):
        await store.put("a", b"x")


@pytest.mark.parametrize(
    ("url", "kind"), [("gs://bucket/x", "GCSStore"), ("az://container/x?account=name", "AzureStore")]
)
def test_each_cloud_has_its_own_store(url: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    monkeypatch.setenv(
        "GOOGLE_SERVICE_ACCOUNT_KEY",
        '{"gcs_base_url": "http://127.0.0.1:9", "disable_oauth": true, "client_email": "", "private_key": "",'
        ' "private_key_id": ""}',
    )

    store = open_store(url)

    assert isinstance(store, CloudStore)
    assert type(store.store).__name__ == kind
