"""Who records, sees and changes audit events: a function records, system admins see, nobody changes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monynha.app.commands.keys import make_key
from monynha.core.actor import Actor, ActorKind, system_actor
from monynha.core.settings.settings import Settings
from monynha.domains.audit import record_audit_event
from monynha.infra.postgres.database import Database
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.domains.audit.conftest import RecordedEvents
from tests.live_server import OwnerSql
from tests.project_team import StatusByVerb, rights_table
from tests.protocols.graphql.requests import error_codes
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

AUDIT = """
                 list  read  csv
    anonymous     401   401  401
    user          403   403  403
    banned        401   401  401
    signed_out    401   401  401
    system_admin  200   200  200
    service_role  200   200  200
    demoted       403   403  403
"""
SERVICE = Actor(ActorKind.SERVICE, claims='{"role":"service_role"}')
CHANGES = (
    "insert into monynha.audit_events (number, action, actor_role) values (0, 'user.forged', 'system')",
    "update monynha.audit_events set action = 'nothing.happened'",
    "delete from monynha.audit_events",
    "truncate monynha.audit_events",
)


async def actor_named(name: str, users: UserFactory, settings: Settings) -> ApiUser:
    """Return the actor of a row of the table."""
    if name == "anonymous":
        return users.anonymous()
    if name == "service_role":
        return replace(users.anonymous(), token=make_key("service_role", settings.jwt_secret))
    actor = await users.create(name.capitalize(), is_admin=name in ("system_admin", "demoted"))
    if name == "banned":
        await users.ban(actor)
    elif name == "signed_out":
        await users.end_session(actor)
    elif name == "demoted":
        async with users.database.as_actor(system_actor("auth")).transaction() as transaction:
            await transaction.execute("update auth.users set app_metadata = '{}' where id = $1", actor.id)
    return actor


@pytest.mark.parametrize(("name", "expected"), rights_table(AUDIT))
async def test_the_audit_log_can_be_seen_by(
    name: str, expected: StatusByVerb, users: UserFactory, settings: Settings, owner_sql: OwnerSql
) -> None:
    actor = await actor_named(name, users, settings)
    async with users.database.as_actor(system_actor("test")).transaction() as transaction:
        await record_audit_event(transaction, "test.recorded")
    [row] = await owner_sql("select id from monynha.audit_events order by number desc limit 1")

    actual = {
        "list": (await actor.get("/admin/audit")).status_code,
        "read": (await actor.get(f"/admin/audit/{row['id']}")).status_code,
        "csv": (await actor.get("/admin/audit?format=csv")).status_code,
    }

    assert actual == expected


async def test_graphql_forbids_the_audit_log_to_everybody_but_admins(users: UserFactory, admin: ApiUser) -> None:
    user = await users.create()
    document = "{ audit(limit: 1) { id action actorId details } }"

    assert await error_codes(user, document) == ["FORBIDDEN"]
    assert await error_codes(users.anonymous(), document) == ["UNAUTHENTICATED"]
    assert await error_codes(admin, document) == []


@pytest.mark.parametrize("statement", CHANGES)
async def test_no_actor_writes_the_log_past_its_function(
    statement: str, database: Database, user: ApiUser, admin: ApiUser
) -> None:
    names = ("auth", "jobs", "clean-up", "audit")
    actors = [user.actor, admin.actor, SERVICE, *(system_actor(name) for name in names)]

    for actor in actors:
        with pytest.raises(ConstraintViolationError) as caught:
            async with database.as_actor(actor).transaction() as transaction:
                await transaction.execute(statement)
        assert caught.value.is_permission_denied


@pytest.mark.parametrize("statement", CHANGES[1:])
async def test_even_the_owner_of_the_table_is_stopped(statement: str, owner_sql: OwnerSql) -> None:
    with pytest.raises(Exception, match="append-only"):
        await owner_sql(statement)


async def test_a_user_cannot_record_an_event_in_the_name_of_another(
    database: Database, users: UserFactory, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    victim = await users.create("Victim")

    async with database.as_actor(user.actor).transaction() as transaction:
        await record_audit_event(transaction, "token.created", actor_id=victim.id, actor_role="system")

    assert await recorded_events(victim.id) == []
    [event] = await recorded_events(user.id)
    assert (event["action"], event["actor_id"], event["actor_role"]) == ("token.created", user.id, "authenticated")


async def test_nothing_is_recorded_of_what_was_rolled_back(
    database: Database, user: ApiUser, recorded_events: RecordedEvents
) -> None:
    async with database.as_actor(system_actor("auth")).transaction() as transaction, transaction.dry_run():
        await record_audit_event(transaction, "password.changed", actor_id=user.id)

    assert await recorded_events(user.id) == []
