"""Only system admins see people and act on them; the last admin stays one."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import asyncpg
import pytest

from monynha.app.commands.keys import make_key
from monynha.core.errors import ForbiddenError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.database import Database, guard_query
from monynha.infra.postgres.errors import ConstraintViolationError
from tests.live_server import OwnerSql
from tests.project_team import StatusByVerb, create_project_team, rights_table
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ACTIONS = ("promote", "demote", "ban", "unban", "sign-out", "reset-password")
RIGHTS = """
                 list  read  invite  promote  demote  ban  unban  sign-out  reset-password  delete
    anonymous     401   401     401      401     401  401    401       401             401     401
    outsider      403   403     403      403     403  403    403       403             403     403
    viewer        403   403     403      403     403  403    403       403             403     403
    member        403   403     403      403     403  403    403       403             403     403
    admin         403   403     403      403     403  403    403       403             403     403
    owner         403   403     403      403     403  403    403       403             403     403
    system_admin  200   200     201      200     200  200    200       200             200     204
"""


@pytest.mark.parametrize(("name", "expected"), rights_table(RIGHTS))
async def test_people_can_be_managed_by(users: UserFactory, name: str, expected: StatusByVerb) -> None:
    team = await create_project_team(users)
    actor, person = await team.actor(name), await team.actor("member")
    path = f"/admin/people/{person.id}"

    actual = {
        "list": (await actor.get("/admin/people")).status_code,
        "read": (await actor.get(path)).status_code,
        "invite": (await actor.post("/admin/people", {"email": f"{uuid4().hex}@example.com"})).status_code,
        **{action: (await actor.post(f"{path}/{action}", None)).status_code for action in ACTIONS},
        "delete": (await actor.delete(path)).status_code,
    }

    assert actual == expected


@pytest.mark.parametrize("id", ["00000000-0000-4000-8000-000000000000", "x", "%00"])
async def test_a_person_who_does_not_exist_is_not_found(users: UserFactory, id: str) -> None:
    admin = await users.create("Root", is_admin=True)

    statuses = [(await admin.get(f"/admin/people/{id}")).status_code]
    statuses += [(await admin.post(f"/admin/people/{id}/{action}", None)).status_code for action in ACTIONS]
    statuses.append((await admin.delete(f"/admin/people/{id}")).status_code)

    assert statuses == [404] * 8


async def test_what_the_user_wrote_about_themselves_grants_nothing(users: UserFactory, owner_sql: OwnerSql) -> None:
    eve = await users.create("Eve")
    await owner_sql(
        "update auth.users set user_metadata = user_metadata || $2, role = 'service_role' where id = $1",
        eve.id,
        '{"role": "admin", "app_metadata": {"role": "admin"}}',
    )

    assert (await eve.get("/admin/people")).status_code == 403


async def test_a_demoted_admin_sees_nothing_with_the_token_they_had(users: UserFactory) -> None:
    admin, former = await users.create("Root", is_admin=True), await users.create("Former", is_admin=True)
    assert (await former.get("/admin/people")).status_code == 200

    await admin.post(f"/admin/people/{former.id}/demote", None)

    assert (await former.get("/admin/people")).status_code == 401
    assert (await former.post(f"/admin/people/{former.id}/promote", None)).status_code == 401


async def test_the_service_key_may_do_what_admins_may(users: UserFactory, settings: Settings) -> None:
    person = await users.create("Ada")
    headers = {"authorization": f"Bearer {make_key('service_role', settings.jwt_secret)}"}

    listed = await users.client.get(f"/api/v1/admin/people/{person.id}", headers=headers)
    banned = await users.client.post(f"/api/v1/admin/people/{person.id}/ban", headers=headers)

    assert (listed.status_code, banned.json()["data"]["status"]) == (200, "banned")


@pytest.mark.parametrize(
    "statement",
    [
        "select to_json(count(*)) from public.people",
        "select to_json(monynha.promote_person(auth.uid()))",
        "select to_json(monynha.delete_person(auth.uid()))",
        "select to_json(count(*)) from auth.users",
    ],
)
async def test_the_database_refuses_users_itself(users: UserFactory, database: Database, statement: str) -> None:
    user = await users.create("Ada")

    with pytest.raises(ForbiddenError):
        await database.as_actor(user.actor).fetch_json(guard_query(statement), ())


@pytest.mark.parametrize("function", ["person_for_update", "require_another_admin", "is_system_admin"])
async def test_even_an_admin_cannot_call_what_is_inside(users: UserFactory, database: Database, function: str) -> None:
    admin = await users.create("Root", is_admin=True)

    with pytest.raises(ConstraintViolationError) as raised:
        async with database.as_actor(admin.actor).transaction() as transaction:
            await transaction.execute(f"select monynha.{function}($1)", admin.id)

    assert raised.value.is_permission_denied


async def constraint_of(running_servers: ServerUrls, admin: ApiUser, statements: tuple[str, ...], target: UUID) -> str:
    """Return the constraint that the last statement violates where `admin` is the only admin; all is rolled back."""
    connection = await asyncpg.connect(running_servers.owner_url)
    try:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("set local role monynha_owner")
        await connection.execute(
            "update auth.users set app_metadata = app_metadata - 'role' where id <> $1 and app_metadata ? 'role'",
            admin.id,
        )
        await connection.execute("select set_config('monynha.system_role', 'admin', true)")
        await connection.execute("select set_config('request.jwt.claim.sub', $1, true)", str(admin.id))
        *before, last = statements
        for statement in before:
            await connection.execute(statement, target)
        try:
            await connection.execute(last, target)
        except asyncpg.CheckViolationError as error:
            return error.constraint_name or ""
        finally:
            await transaction.rollback()
        return ""
    finally:
        await connection.close()


@pytest.mark.parametrize("verb", ["demote", "delete"])
async def test_the_last_admin_stays(users: UserFactory, running_servers: ServerUrls, verb: str) -> None:
    admin = await users.create("Root", is_admin=True)
    statement = f"select monynha.{verb}_person($1)"

    assert await constraint_of(running_servers, admin, (statement,), admin.id) == "last_admin_stays"


async def test_the_last_admin_cannot_delete_their_account(users: UserFactory, running_servers: ServerUrls) -> None:
    admin, other = await users.create("Root", is_admin=True), await users.create("Other")
    delete, promote = "delete from public.users where id = $1", "select monynha.promote_person($1)"
    delete_admin = f"delete from public.users where id = '{admin.id}' and $1::uuid is not null"
    as_admin = "select set_config('role', 'monynha_admin', true), $1::uuid"

    assert await constraint_of(running_servers, admin, (as_admin, delete), admin.id) == "last_admin_stays"
    assert await constraint_of(running_servers, admin, (as_admin, delete), other.id) == ""
    assert await constraint_of(running_servers, admin, (as_admin, promote, delete_admin), other.id) == ""


@pytest.mark.parametrize(
    ("preparation", "expected"),
    [
        ("select monynha.promote_person($1)", ""),
        (
            'update auth.users set app_metadata = \'{"role": "admin"}\', '
            "banned_until = now() + interval '1 day' where id = $1",
            "last_admin_stays",
        ),
        (
            'update auth.users set app_metadata = \'{"role": "admin"}\', email_confirmed_at = null where id = $1',
            "last_admin_stays",
        ),
    ],
)
async def test_an_admin_who_cannot_sign_in_does_not_count(
    users: UserFactory, running_servers: ServerUrls, preparation: str, expected: str
) -> None:
    admin, other = await users.create("Root", is_admin=True), await users.create("Other")
    demote = f"select monynha.demote_person('{admin.id}'::uuid), $1::uuid"

    assert await constraint_of(running_servers, admin, (preparation, demote), other.id) == expected


async def test_admins_who_demote_each_other_at_once_leave_one(users: UserFactory) -> None:
    for _ in range(5):
        ada, grace = await users.create("Ada", is_admin=True), await users.create("Grace", is_admin=True)

        responses = await asyncio.gather(
            ada.post(f"/admin/people/{grace.id}/demote", None), grace.post(f"/admin/people/{ada.id}/demote", None)
        )

        # Whoever comes second is no admin any more, and signed out.
        assert sorted(response.status_code for response in responses) in ([200, 401], [200, 403])
