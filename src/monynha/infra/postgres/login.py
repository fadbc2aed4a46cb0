"""Logs in to a database for commands and checks outside the pools; a failure is one line for the operator."""

from __future__ import annotations

import os
from getpass import getuser
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg

from monynha.core.errors import SettingsError

_MIN_MAJOR_VERSION = 15
_TIMEOUT_S = 10


async def log_in(url: str, *, setting: str = "DATABASE_URL", role: str = "none") -> asyncpg.Connection[asyncpg.Record]:
    """Return a connection in the role; raise SettingsError with the reason, naming the setting."""
    server_settings = {"timezone": "UTC", "role": role}
    try:
        connection = await asyncpg.connect(url, timeout=_TIMEOUT_S, server_settings=server_settings)
    except asyncpg.InvalidAuthorizationSpecificationError:
        raise SettingsError(f"{setting}: the database rejects the login {login_name(url)}.") from None
    except asyncpg.InvalidCatalogNameError:
        raise SettingsError(f"{setting}: the server has no database of that name.") from None
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, ValueError):
        raise SettingsError(f"{setting}: the database does not answer.") from None
    major_version = connection.get_server_version().major
    if major_version < _MIN_MAJOR_VERSION:
        await connection.close()
        raise SettingsError(
            f"{setting}: PostgreSQL {major_version} is too old; {_MIN_MAJOR_VERSION} or later is required."
        )
    return connection


def login_name(url: str) -> str:
    """Return the user name that the URL logs in with, by the same rules as asyncpg."""
    parts = urlsplit(url)
    query_user = parse_qs(parts.query).get("user", [""])[0]
    return unquote(parts.username or "") or query_user or os.environ.get("PGUSER") or getuser()
