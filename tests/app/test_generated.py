"""What is generated is committed fresh, so that a review sees what a change does to the outside."""

from __future__ import annotations

import pytest

from monynha.app.generate import PAGES
from tests.journeys.program import ROOT


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_file_is_fresh(name: str) -> None:
    assert PAGES[name]() == (ROOT / "docs" / "generated" / name).read_text()
