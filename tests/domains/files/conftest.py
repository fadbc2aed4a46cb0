"""Fixtures of files: a project, and the service key."""

from __future__ import annotations

import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from monynha.core.settings.settings import Settings
from tests.users import ApiUser


@pytest.fixture
async def project(user: ApiUser) -> dict[str, Any]:
    """Return a project of Ada."""
    return await user.create_project()


@pytest.fixture
def service_headers(settings: Settings) -> dict[str, str]:
    """Return the headers with the service key."""
    claims = {"role": "service_role", "iss": "monynha", "exp": int(time.time()) + 300}
    key = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(settings.jwt_secret))
    return {"authorization": f"Bearer {key}", "apikey": key}
