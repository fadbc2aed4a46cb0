"""`monynha keys`: the URL and keys with which the official Supabase clients connect."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Final

from monynha.app.commands.options import AsJson, DataDir, read_settings
from monynha.core.settings.settings import Settings, local_url
from monynha.infra.embedded import served_url

# A fixed day, so that a secret has the same keys whenever and wherever they are printed.
_ISSUED_AT: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
_EXPIRES_AT: Final = int(datetime(2036, 1, 1, tzinfo=UTC).timestamp())


def keys(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Print the URL and the API keys for the official clients.

    The service role key bypasses all rights: keep it on servers.

    Example: monynha keys --json
    """
    settings = read_settings(data_dir=data_dir)
    keys_by_name = {
        "url": _url(settings),
        "anonKey": make_key("anon", settings.jwt_secret),
        "serviceRoleKey": make_key("service_role", settings.jwt_secret),
        "jwtSecret": settings.jwt_secret,
    }
    if json_:
        print(json.dumps(keys_by_name))
        return
    for name, text in keys_by_name.items():
        print(f"{name:<15} {text}")


def make_key(role: str, secret: str) -> str:
    """Return an API key: a JWT signed as access tokens are, with a role and without a `sub`."""
    from joserfc import jwt
    from joserfc.jwk import OctKey

    claims = {"iss": "monynha", "role": role, "iat": _ISSUED_AT, "exp": _EXPIRES_AT}
    return jwt.encode({"alg": "HS256", "typ": "JWT"}, claims, OctKey.import_key(secret))


def _url(settings: Settings) -> str:
    """Return SITE_URL if it is set, else the URL that is served at the moment, else that of the settings."""
    is_set = settings.site_url != local_url(settings.host, settings.port)
    return settings.site_url if is_set else served_url(settings.data_dir) or settings.site_url
