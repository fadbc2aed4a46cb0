"""Fifty thousand sessions: who is signed in, and the list of one's own, are found by indexes."""

from __future__ import annotations

import asyncpg
import orjson
import pytest

from monynha.domains.sessions import sessions
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.parameter import PreparedQuery
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.infra.embedded import ServerUrls
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
_SESSIONS = 50_000
_INSERT = """
insert into auth.sessions (user_id, device, created_at)
select $1, 'Firefox on Linux', now() - n * interval '1 second' from generate_series(1, $2::int) as n
"""
_IS_LIVE = """
select from auth.sessions live where live.id = $1 and live.user_id = $2
  and (live.not_after is null or live.not_after > now())
"""


async def test_indexes_find_sessions_among_many(user: ApiUser, running_servers: ServerUrls) -> None:
    query: PreparedQuery[None] = Queries(Compiler()).prepare(Selection(sessions, sessions.field_names))
    connection = await asyncpg.connect(running_servers.owner_url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute("set local role monynha_owner")
        await connection.execute(_INSERT, user.id, _SESSIONS)
        await connection.execute("analyze auth.sessions")
        live_plan = await connection.fetchval(f"explain (format json) {_IS_LIVE}", user.session_id, user.id)
        await connection.execute("set local role monynha_app")
        binds = (user.actor.claims, user.id, user.session_id, *query.bind(None))
        list_plan = await connection.fetchval(f"explain (analyze, format json) {query.text}", *binds)
    finally:
        await transaction.rollback()
        await connection.close()

    assert '"Index Name": "sessions_pkey"' in live_plan
    assert '"Seq Scan"' not in live_plan
    assert '"Index Name": "sessions_user_id_created_at_idx"' in list_plan
    assert '"Sort"' not in list_plan, list_plan
    assert orjson.loads(list_plan)[0]["Execution Time"] < 1000
