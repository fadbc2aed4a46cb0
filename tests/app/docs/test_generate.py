"""What is generated is committed fresh, so that a review sees what a change does to the outside."""

from __future__ import annotations

import pytest

from monynha.app.docs.generate import GENERATED_FILES
from tests.journeys.program import ROOT


@pytest.mark.parametrize("name", GENERATED_FILES)
def test_a_generated_file_is_fresh(name: str) -> None:
    assert GENERATED_FILES[name]() == (ROOT / "docs" / "generated" / name).read_text()
