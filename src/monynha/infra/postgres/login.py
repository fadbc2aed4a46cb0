"""Logging in to a database by its URL, before there is a pool: one line says why it does not work."""

from __future__ import annotations

import os
from getpass import getuser
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from monynha.core.errors import WrongSetting

_OLDEST = 15
_PATIENCE_S = 10


async def log_in(url: str, *, setting: str = "DATABASE_URL", role: str = "none") -> asyncpg.Connection[Any]:
    """Return a connection in the role, or refuse what the setting names (WrongSetting)."""
    given = {"timezone": "UTC", "role": role}
    try:
        connection = await asyncpg.connect(url, timeout=_PATIENCE_S, server_settings=given)
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise WrongSetting(f"{setting}: the database refuses the login {login_of(url)}.") from None
    except asyncpg.InvalidCatalogNameError:
        raise WrongSetting(f"{setting}: the server has no database of that name.") from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError):
        raise WrongSetting(f"{setting}: the database does not answer.") from None
    found = connection.get_server_version().major
    if found < _OLDEST:
        await connection.close()
        raise WrongSetting(f"{setting}: PostgreSQL {found} is too old, {_OLDEST} or later is needed.")
    return connection


def login_of(url: str) -> str:
    """Return who logs in by that URL, found as the driver finds it."""
    parts = urlsplit(url)
    asked = parse_qs(parts.query).get("user", [""])[0]
    return unquote(parts.username or "") or asked or os.environ.get("PGUSER") or getuser()
