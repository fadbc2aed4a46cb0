"""The generated files are committed up to date, so that a review sees how a change shows to clients."""

from __future__ import annotations

import pytest

from monynha.app.docs.generate import GENERATED_FILES, settings_page
from tests.journeys.program import ROOT


@pytest.mark.parametrize("name", GENERATED_FILES)
def test_generated_file_is_up_to_date(name: str) -> None:
    assert GENERATED_FILES[name]() == (ROOT / "docs" / "generated" / name).read_text()


def test_settings_page_marks_what_is_not_available() -> None:
    rows = {line.split("`")[1]: line for line in settings_page().splitlines() if line.startswith("| `")}

    assert rows["DATABASE_REPLICA_URL"].endswith("Not available yet. |")
    assert "Not available" not in rows["SMTP_URL"]
    assert "| `3000/15m` |" in rows["MONYNHA_LIMIT_API"]


def test_secret_defaults_and_urls_are_not_shown() -> None:
    assert "| `JWT_SECRET` | at least 32 characters |  |  |" in settings_page()
