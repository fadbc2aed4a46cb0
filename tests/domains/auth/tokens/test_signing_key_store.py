"""Signing keys in the database: shared by all processes, encrypted, rotated with an overlap."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet as JoserfcKeySet

from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.signing_key_store import PUBLISHED_BEFORE, SigningKeyStore
from monynha.infra.postgres.database import Database
from tests.domains.auth.conftest import AuthApp, MakeAuthApp

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]


@pytest.fixture(autouse=True)
async def no_keys(owner_sql: OwnerSql, database: Database) -> AsyncIterator[None]:
    """Begin and end without keys: the program of the other tests signs with its secret."""
    await owner_sql("delete from auth.signing_keys")
    yield
    await owner_sql("delete from auth.signing_keys")


def store_of(auth_app: AuthApp) -> SigningKeyStore:
    return auth_app.auth.key_refresh.store


async def published_kids(auth_app: AuthApp) -> list[str]:
    response = await auth_app.get("/.well-known/jwks.json")
    assert response.headers["cache-control"] == "public, max-age=600"
    return [key["kid"] for key in response.json()["keys"]]


@pytest.mark.parametrize("algorithm", ["ES256", "RS256"])
async def test_tokens_are_verified_by_the_published_keys(make_auth_app: MakeAuthApp, algorithm: str) -> None:
    auth_app = make_auth_app(autoconfirm=True, jwt_algorithm=algorithm)
    await auth_app.auth.start()
    session = await auth_app.sign_up()
    jwks = (await auth_app.get("/.well-known/jwks.json")).json()
    token = jwt.decode(session["access_token"], JoserfcKeySet.import_key_set(jwks), [algorithm])

    assert token.header == {"alg": algorithm, "typ": "JWT", "kid": jwks["keys"][0]["kid"]}
    assert token.claims["sub"] == session["user"]["id"]
    assert (await auth_app.get("/user", session["access_token"])).json()["id"] == session["user"]["id"]
    assert jwks["keys"][0]["alg"] == algorithm
    assert not {"d", "p", "q", "k", "dp", "dq", "qi"} & jwks["keys"][0].keys()


async def test_with_the_secret_nothing_is_published_or_created(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    await auth_app.auth.start()
    assert await published_kids(auth_app) == []
    assert auth_app.auth.tokens.keys.signer(auth_app.clock()).kid is None
    assert await owner_sql("select * from auth.signing_keys") == []


async def test_a_rotation_publishes_signs_and_ends_in_its_time(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, jwt_algorithm="ES256")
    await auth_app.auth.start()
    refresh, keys, clock = auth_app.auth.key_refresh, auth_app.auth.tokens.keys, auth_app.clock
    [first] = await published_kids(auth_app)
    next_key = await store_of(auth_app).rotate("ES256")
    await refresh.refresh()

    assert await published_kids(auth_app) == [next_key.kid, first]
    assert keys.signer(clock()).kid == first
    clock.advance(PUBLISHED_BEFORE.total_seconds() - 1)
    last_of_first = (await auth_app.sign_up())["access_token"]
    clock.advance(1)
    assert keys.signer(clock()).kid == next_key.kid
    first_of_next = (await auth_app.sign_up())["access_token"]
    clock.advance(auth_app.settings.access_token_ttl_s - 5)
    for token in (last_of_first, first_of_next):
        assert (await auth_app.get("/user", token)).status_code == 200
    clock.advance(120)
    await refresh.refresh()
    assert await published_kids(auth_app) == [next_key.kid]


async def test_the_secret_can_be_rotated_out_of_signing(auth_app: AuthApp) -> None:
    await auth_app.auth.start()
    before = (await auth_app.sign_up())["access_token"]
    key = await store_of(auth_app).rotate("HS256")
    await auth_app.auth.key_refresh.refresh()
    after = await auth_app.sign_up()

    assert auth_app.auth.tokens.keys.signer(auth_app.clock()).kid == key.kid
    for token in (before, after["access_token"]):
        assert (await auth_app.get("/user", token)).status_code == 200
    assert await published_kids(auth_app) == []


async def test_a_copy_of_the_database_signs_nothing(
    make_auth_app: MakeAuthApp, owner_sql: OwnerSql, settings: Settings
) -> None:
    auth_app = make_auth_app(autoconfirm=True, jwt_algorithm="ES256")
    await auth_app.auth.start()
    text = (await auth_app.sign_up())["access_token"]
    [row] = await owner_sql("select encrypted_key, to_json(k)::text from auth.signing_keys k")
    assert b"PRIVATE" not in row[0]
    assert '"d"' not in row[1]

    # Another JWT_SECRET: the key still verifies, but signs no more, and a new one does.
    secret = "another secret of this test, which is long enough"
    changed = make_auth_app(jwt_algorithm="ES256", jwt_secret=secret)
    await changed.auth.start()
    assert (await changed.get("/user", text)).status_code == 200
    assert changed.auth.tokens.keys.signer(changed.clock()).kid != orjson.loads(_header(text))["kid"]
    # A row that was exchanged for another does not decrypt: its id is part of what is authenticated.
    await owner_sql("update auth.signing_keys set kid = 'exchanged' where kid = $1", orjson.loads(_header(text))["kid"])
    reloaded = {key.kid: key.can_sign for key in await store_of(auth_app).load()}
    assert reloaded["exchanged"] is False


async def test_no_client_reads_the_keys(auth_app: AuthApp, database: Database, owner_sql: OwnerSql) -> None:
    await store_of(auth_app).rotate("HS256")
    rows = await owner_sql(
        """select grantee, privilege_type from information_schema.column_privileges
          where table_schema = 'auth' and table_name = 'signing_keys' and grantee <> 'monynha_owner'"""
    )
    assert {row["grantee"] for row in rows} == {"monynha_system"}


async def test_rotating_is_audited(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    key = await store_of(auth_app).rotate("ES256", revoke=True)
    [row] = await owner_sql("select action, details from monynha.audit_events where target_id = $1", key.kid)
    assert row["action"] == "signing_key.rotated"


def _header(token: str) -> bytes:
    header = token.partition(".")[0]
    return base64.urlsafe_b64decode(header + "=" * (-len(header) % 4))
