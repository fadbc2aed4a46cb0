"""What tests of the Phoenix wire share."""

from __future__ import annotations

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings


@pytest.fixture
def api_key(settings: Settings) -> str:
    """Return the key of nobody."""
    return make_key("anon", settings.jwt_secret)
