"""The secrets that are generated at the first start, and how their file is protected."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import adopt_jwt_secret, generated_jwt_secret, run_servers, with_jwt_secret
from monynha.infra.embedded.secret_file import load_or_create_secrets
from tests.infra.embedded.probes import settings_for


def test_generated_secrets_are_for_their_owner_only_and_stay(tmp_path: Path) -> None:
    first = with_jwt_secret(settings_for(tmp_path))
    second = with_jwt_secret(settings_for(tmp_path))

    assert len(first.jwt_secret) == 64
    assert first == second
    assert (tmp_path / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_secrets_of_a_process_that_was_faster_are_kept(tmp_path: Path) -> None:
    def generate_after_another_process() -> str:
        load_or_create_secrets(tmp_path, lambda: "theirs")
        return "ours"

    assert load_or_create_secrets(tmp_path, generate_after_another_process).jwt_secret == "theirs"


def test_repr_does_not_show_the_secrets(tmp_path: Path) -> None:
    assert "drawn" not in repr(load_or_create_secrets(tmp_path, lambda: "drawn"))


def test_jwt_secret_of_another_folder_is_adopted_unless_one_is_set(tmp_path: Path) -> None:
    generated = with_jwt_secret(settings_for(tmp_path / "generated"))
    adopt_jwt_secret(generated, "s" * 64)
    with_set_secret = settings_for(tmp_path / "set", JWT_SECRET="x" * 32)
    load_or_create_secrets(tmp_path / "set")
    adopt_jwt_secret(with_set_secret, "s" * 64)

    assert with_jwt_secret(settings_for(tmp_path / "generated")).jwt_secret == "s" * 64
    assert load_or_create_secrets(tmp_path / "set").jwt_secret != "s" * 64
    assert generated_jwt_secret(with_set_secret) is None


async def test_data_folder_without_its_secrets_is_refused(postgres_only: Settings) -> None:
    (postgres_only.data_dir / "pg").mkdir(parents=True)

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/secrets.json is missing"):
        async with run_servers(postgres_only):
            pass


@pytest.mark.parametrize("content", ["", "{", "[]", '{"jwt_secret": "a"}', "\xff"])
def test_damaged_file_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "secrets.json").write_bytes(content.encode("latin-1"))

    with pytest.raises(SettingsError, match=r"^MONYNHA_DATA_DIR: \S+/secrets.json is damaged; restore it from a copy$"):
        load_or_create_secrets(tmp_path)
