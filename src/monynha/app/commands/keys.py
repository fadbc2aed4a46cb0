"""`monynha keys`: the URL and keys with which clients connect, and the rotation of what signs access tokens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import App, Parameter

from monynha.app.commands.options import AsJson, DataDir, read_settings, run
from monynha.core.settings.settings import Settings, local_url
from monynha.infra.embedded import served_url

if TYPE_CHECKING:
    from monynha.domains.auth.tokens.signing_keys import SigningKey

# A fixed day, so that a secret has the same keys whenever and wherever they are printed.
_ISSUED_AT: Final = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())
_EXPIRES_AT: Final = int(datetime(2036, 1, 1, tzinfo=UTC).timestamp())

keys = App(
    name="keys",
    help="Print the URL and the API keys for clients, or rotate the key that signs access tokens.\n\n"
    "Example: monynha keys --json",
)


@keys.default
def show_keys(*, data_dir: DataDir = None, json_: AsJson = False) -> None:
    """Print the URL and the API keys for the official clients.

    The service role key bypasses all rights: keep it on servers.

    Example: monynha keys --json
    """
    # Imported here, because they need a library that other commands do not.
    from monynha.domains.auth.tokens.api_keys import publishable_key, secret_key

    settings = read_settings(data_dir=data_dir)
    keys_by_name = {
        "url": _url(settings),
        "anonKey": make_key("anon", settings.jwt_secret),
        "serviceRoleKey": make_key("service_role", settings.jwt_secret),
        "jwtSecret": settings.jwt_secret,
        "publishableKey": publishable_key(settings.jwt_secret),
        "secretKey": secret_key(settings.jwt_secret),
    }
    if json_:
        print(json.dumps(keys_by_name))
        return
    for name, text in keys_by_name.items():
        print(f"{name:<15} {text}")


@keys.command
def rotate(
    *,
    now: Annotated[
        bool, Parameter(negative=(), help="Sign with the new key at once, not only when clients have it.")
    ] = False,
    revoke: Annotated[
        bool, Parameter(negative=(), help="Refuse what the former keys have signed, because one was stolen.")
    ] = False,
    data_dir: DataDir = None,
    json_: AsJson = False,
) -> None:
    """Create a new key for access tokens, of the algorithm of MONYNHA_JWT_ALGORITHM.

    It is published at once and signs after fifteen minutes. The former keys verify until their last token has ended;
    with --revoke they do not, and clients refresh their tokens. Running servers notice within seconds.

    Example: monynha keys rotate
    """
    settings = read_settings(data_dir=data_dir)
    key = run(_rotate(settings, at_once=now, revoke=revoke))
    if json_:
        print(json.dumps({"kid": key.kid, "algorithm": key.key.algorithm, "signsFrom": key.signs_from.isoformat()}))
        return
    print(
        f"The key {key.kid} ({key.key.algorithm}) signs access tokens from {key.signs_from:%Y-%m-%d %H:%M:%S} UTC on."
    )


async def _rotate(settings: Settings, *, at_once: bool, revoke: bool) -> SigningKey:
    # Imported here, because printing the keys needs none of it.
    from monynha.app.maintenance.migration import migrate_or_check
    from monynha.core.clock import utc_now
    from monynha.domains.auth.tokens.signing_key_store import SigningKeyStore
    from monynha.infra.embedded import run_servers
    from monynha.infra.postgres.database import Database

    async with run_servers(settings) as server_urls:
        await migrate_or_check(settings, server_urls.database_url, server_urls.owner_url)
        database = await Database.open(server_urls.database_url)
        try:
            store = SigningKeyStore(database, settings.jwt_secret, utc_now, settings.access_token_ttl_s)
            return await store.rotate(settings.jwt_algorithm, at_once=at_once, revoke=revoke)
        finally:
            await database.close()


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
