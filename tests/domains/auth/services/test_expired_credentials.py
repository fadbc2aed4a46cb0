"""Expired sessions are deleted in batches, each with its event; what is valid stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from monynha.domains.auth.services.expired_credentials import ExpiredCredentials
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_sessions_are_deleted_in_batches_with_their_events(
    user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    now = datetime.now(UTC)
    await owner_sql("delete from auth.sessions where not_after <= $1", now)
    for seconds in (-2, -1, 0, 1):
        await owner_sql(
            "insert into auth.sessions (id, user_id, not_after) values ($1, $2, $3)",
            uuid4(),
            user.id,
            now + timedelta(seconds=seconds),
        )

    deleted = await ExpiredCredentials(database, batch_size=2).delete_sessions(now)

    remaining = await owner_sql("select not_after from auth.sessions where user_id = $1 order by 1", user.id)
    events = await owner_sql(
        "select verb from monynha.events where stream = $1 and kind = 'user' and resource = 'sessions'", user.id
    )
    assert deleted == 3
    assert [row["not_after"] for row in remaining] == [now + timedelta(seconds=1), None]
    assert [row["verb"] for row in events] == ["delete"] * 3


async def test_only_applications_that_nobody_uses_are_deleted(
    user: ApiUser, database: Database, owner_sql: OwnerSql
) -> None:
    now = datetime.now(UTC)
    insert = """
    insert into auth.oauth_clients (
      registration_type, client_type, token_endpoint_auth_method, name, redirect_uris, grant_types, scopes, updated_at
    )
    values ($1, 'public', 'none', $2, '{https://a.example}', '{authorization_code}', '{}', $3)
    returning id
    """
    week_ago = now - timedelta(days=7)
    await owner_sql(insert, "dynamic", "unused", week_ago)
    await owner_sql(insert, "dynamic", "recent", week_ago + timedelta(seconds=1))
    await owner_sql(insert, "manual", "by an admin", week_ago)
    [used] = await owner_sql(insert, "dynamic", "used", week_ago)
    await owner_sql(
        "insert into auth.oauth_consents (user_id, client_id, scopes) values ($1, $2, '{}')", user.id, used["id"]
    )
    await owner_sql(
        "insert into auth.oauth_authorizations (client_id, redirect_uri, scopes, code_challenge, expires_at)"
        " values ($1, '', '{}', '', $2), ($1, '', '{}', '', $3)",
        used["id"],
        now,
        now + timedelta(seconds=1),
    )

    credentials = ExpiredCredentials(database)
    deleted = (await credentials.delete_unused_clients(now), await credentials.delete_tokens(now))

    names = await owner_sql(
        "select name from auth.oauth_clients where redirect_uris = '{https://a.example}' order by name"
    )
    left = await owner_sql("select from auth.oauth_authorizations where client_id = $1", used["id"])
    assert deleted[0] >= 1
    assert deleted[1] >= 1
    assert [row["name"] for row in names] == ["by an admin", "recent", "used"]
    assert len(left) == 1


async def test_a_second_run_deletes_nothing(database: Database) -> None:
    credentials, now = ExpiredCredentials(database), datetime.now(UTC)
    await credentials.delete_sessions(now)
    await credentials.delete_tokens(now)

    assert (await credentials.delete_sessions(now), await credentials.delete_tokens(now)) == (0, 0)
