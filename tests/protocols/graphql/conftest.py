"""What the tests of GraphQL share beside what every test may lean on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import Person


@pytest.fixture
async def project(ada: Person) -> dict[str, Any]:
    """Return a project of Ada's."""
    return await ada.project(name="P")
