"""STORAGE_URL: a wrong one stops the start with a line that names it and repeats no secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.storage import open_store
from monynha.infra.storage.local_store import LocalStore


def test_folder_is_created(tmp_path: Path) -> None:
    store = open_store((tmp_path / "a b" / "objects").as_uri())

    assert isinstance(store, LocalStore)
    assert store.root == tmp_path / "a b" / "objects"
    assert store.root.is_dir()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("file://host/objects", "expected an absolute path"),
        ("file:///dev/null/objects", "/dev/null/objects cannot be written"),
        ("s3:///prefix", "expected the name of a bucket"),
        ("s3://bucket?colour=red", "there is no option 'colour' for s3://"),
        ("gs://bucket?region=eu", "there is no option 'region' for gs://"),
    ],
)
def test_wrong_url_is_refused_in_a_line_that_names_the_setting(url: str, message: str) -> None:
    with pytest.raises(SettingsError) as error:
        open_store(url)

    assert str(error.value).startswith("STORAGE_URL: ")
    assert message in str(error.value)


def test_message_repeats_no_secret() -> None:
    with pytest.raises(SettingsError) as error:
        open_store("az://container?endpoint=not%20an%20address")

    assert "not an address" not in str(error.value)
