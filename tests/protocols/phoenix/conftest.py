"""Fixtures for the tests of Phoenix channels."""

from __future__ import annotations

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings


@pytest.fixture
def api_key(settings: Settings) -> str:
    """Return the API key of anonymous clients."""
    return make_key("anon", settings.jwt_secret)
