"""Logging in outside the pools: the reason of a failure in one line, and the name that a URL logs in with."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.login import log_in, login_name

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://a%40b:secret@host/db", "a@b"),
        ("postgresql://host/db?user=ada", "ada"),
        ("postgresql:///db", "from-environment"),
    ],
)
def test_login_name_is_read_as_the_driver_reads_it(url: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "from-environment")

    assert login_name(url) == expected


async def test_failure_names_the_setting_and_the_reason(running_servers: ServerUrls, tmp_path: Path) -> None:
    url = running_servers.database_url
    login, _, rest = url.partition("@/")
    database, separator, query = rest.partition("?")
    name = login_name(url)
    urls = {
        f"the database rejects the login {name}.": f"postgresql://{name}:wrong@/{database}{separator}{query}",
        "the server has no database of that name.": f"{login}@/missing_database{separator}{query}",
        "the database does not answer.": f"postgresql://x@/x?host={tmp_path}",
    }
    for reason, wrong_url in urls.items():
        with pytest.raises(SettingsError) as raised:
            await log_in(wrong_url, setting="SOME_URL")

        assert str(raised.value) == f"SOME_URL: {reason}"
