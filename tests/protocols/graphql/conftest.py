"""What the tests of GraphQL share beside what every test may lean on."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser


@pytest.fixture
async def project(user: ApiUser) -> dict[str, Any]:
    """Return a project of Ada's."""
    return await user.create_project(name="P")
