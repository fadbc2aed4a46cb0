"""Fixtures of the GraphQL tests."""

from __future__ import annotations

from typing import Any

import pytest

from tests.users import ApiUser


@pytest.fixture
async def project(user: ApiUser) -> dict[str, Any]:
    """Create a project of the signed-in user."""
    return await user.create_project(name="P")
