"""The event log: gapless versions in commit order, no secrets, no deadlocks, unreadable for request roles."""

from __future__ import annotations

import asyncio
import json
import random
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from monynha.infra.embedded import ServerUrls
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

_EVENTS_OF_PROJECT_SQL = """
select version, resource, verb, row_id, new, old, actor, at from monynha.events
where kind = 'project' and stream = $1 order by version
"""


async def test_versions_are_gapless_and_in_commit_order_despite_rollbacks(
    user: ApiUser, running_servers: ServerUrls, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    committed: list[str] = []

    async def write(writer: int, seed: random.Random) -> None:
        connection = await asyncpg.connect(running_servers.owner_url)
        await connection.execute("set role monynha_owner")
        for number in range(25):
            transaction = connection.transaction()
            await transaction.start()
            for _ in range(seed.randint(1, 3)):
                await connection.execute(
                    "insert into public.tasks (project_id, title) select $1, $2 from generate_series(1, $3)",
                    project["id"],
                    f"{writer}/{number}",
                    seed.randint(1, 3),
                )
                await asyncio.sleep(0)
            if seed.random() < 0.4:
                await transaction.rollback()
            else:
                await transaction.commit()
                committed.append(f"{writer}/{number}")
        await connection.close()

    await asyncio.gather(*(write(writer, random.Random(writer)) for writer in range(8)))
    rows = await owner_sql(_EVENTS_OF_PROJECT_SQL, project["id"])
    titles = [parse_json(row["new"])["title"] for row in rows if row["resource"] == "tasks"]
    counter = await owner_sql("select version from monynha.streams where id = $1", project["id"])

    versions = [row["version"] for row in rows]
    assert versions == list(range(1, len(rows) + 1))
    assert counter[0]["version"] == len(rows)
    # The rows of each transaction are contiguous, in the order in which the transactions committed.
    assert sorted(dict.fromkeys(titles), key=committed.index) == committed
    assert 1 + sum(title != next_title for title, next_title in pairwise(titles)) == len(dict.fromkeys(titles))
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)


def parse_json(text: str) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text)
    return parsed


async def test_concurrent_writes_removals_and_deletions_never_fail_with_a_deadlock(
    users: UserFactory, user: ApiUser
) -> None:
    projects = [await user.create_project() for _ in range(3)]
    members = [await users.create(f"P{number}") for number in range(8)]
    statuses: list[int] = []

    async def join_all(member: ApiUser) -> None:
        for project in projects:
            await user.post(f"/projects/{project['id']}/members", {"userId": str(member.id), "role": "member"})

    async def write(writer: ApiUser, seed: random.Random) -> None:
        for _ in range(12):
            project = seed.choice(projects)
            assignee = seed.choice(members)
            body = {"title": "T", "assigneeId": str(assignee.id), "description": f"@{assignee.name}"}
            response = await writer.post(f"/projects/{project['id']}/tasks", body)
            statuses.append(response.status_code)
            if response.status_code == 201:
                path = f"/tasks/{response.json()['data']['id']}"
                update = {"assigneeId": str(seed.choice(members).id)}
                statuses.append((await writer.put(path, update)).status_code)

    async def remove(seed: random.Random) -> None:
        for _ in range(20):
            project, member = seed.choice(projects), seed.choice(members[:4])
            path = f"/projects/{project['id']}/members"
            statuses.append((await user.delete(f"{path}/{member.id}")).status_code)
            statuses.append((await user.post(path, {"userId": str(member.id)})).status_code)

    async def delete_account(member: ApiUser) -> None:
        await asyncio.sleep(0.2)
        statuses.append((await member.delete("/users/me?cascade=true")).status_code)

    await asyncio.gather(*map(join_all, members))
    await asyncio.gather(
        *(write(member, random.Random(number)) for number, member in enumerate(members)),
        remove(random.Random(99)),
        *map(delete_account, members[4:]),
    )

    assert [status for status in statuses if status >= 500] == []


async def test_events_contain_neither_password_hashes_nor_email_addresses(
    users: UserFactory, owner_sql: OwnerSql
) -> None:
    author = await users.sign_up("Grace", "correct horse battery")
    project = await author.create_project()
    member = await users.create_member(project, author, "member")
    await author.put("/users/me", {"name": "Grace H."})
    await member.put("/users/me", {"email": f"new-{member.email}"})

    events = await owner_sql(
        "select coalesce(new::text, '') || coalesce(old::text, '') as text from monynha.events "
        "where actor = any ($1) or row_id = any ($1)",
        [author.id, member.id],
    )

    assert events
    assert [event["text"] for event in events if "@" in event["text"] or "argon2" in event["text"]] == []


async def test_deleting_a_user_erases_their_name_from_events(
    users: UserFactory, user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    member = await users.create_member(project, user, "member", "Bartholomew")
    await member.put("/users/me", {"name": "Bartholomew II"})
    await member.delete("/users/me")

    rows = await owner_sql(_EVENTS_OF_PROJECT_SQL, project["id"])
    own_events = await owner_sql("select resource from monynha.events where kind = 'user' and stream = $1", member.id)

    assert [row for row in rows if "Bartholomew" in f"{row['new']}{row['old']}"] == []
    resources = {row["resource"] for row in own_events}
    assert resources <= {"users", "sessions", "members", "notifications"}
    assert "users" in resources


async def test_event_holds_the_new_row_and_the_old_values_of_changed_columns(
    user: ApiUser, owner_sql: OwnerSql
) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="Old", tags=["a"])
    await user.put(f"/tasks/{task['id']}", {"title": "New"})

    *_, last = await owner_sql(_EVENTS_OF_PROJECT_SQL, project["id"])
    old, new = parse_json(last["old"]), parse_json(last["new"])

    assert old.keys() == {"title", "updated_at", "version"}
    assert (old["title"], new["title"]) == ("Old", "New")
    assert new["tags"] == ["a"]
    assert last["actor"] == user.id


async def test_each_row_of_a_statement_gets_its_own_event(user: ApiUser, owner_sql: OwnerSql) -> None:
    first, second = await user.create_project(), await user.create_project()
    ids = [first["id"], second["id"]]
    await owner_sql(
        "insert into public.tasks (project_id, title) select unnest($1::uuid[]), 'T' from generate_series(1, 50)",
        ids,
    )
    await owner_sql("update public.tasks set title = 'U' where project_id = any ($1)", ids)
    await owner_sql("delete from public.tasks where project_id = any ($1)", ids)

    for project_id in ids:
        rows = await owner_sql(_EVENTS_OF_PROJECT_SQL, project_id)
        assert [row["version"] for row in rows] == list(range(1, 153))
        assert [
            sum(row["verb"] == verb and row["resource"] == "tasks" for row in rows)
            for verb in ("insert", "update", "delete")
        ] == [50, 50, 50]


async def test_partitions_exist_for_the_coming_months(owner_sql: OwnerSql) -> None:
    rows = await owner_sql(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as is_forced from pg_inherits i "
        "join pg_class c on c.oid = i.inhrelid where i.inhparent = 'monynha.events'::regclass"
    )

    assert len(rows) == 5
    assert all(row["is_forced"] for row in rows)
    assert "events_default" in {row["relname"] for row in rows}


async def test_request_roles_cannot_read_the_event_log(user: ApiUser, running_servers: ServerUrls) -> None:
    connection = await asyncpg.connect(running_servers.database_url)
    try:
        for role in ("monynha_app", "monynha_admin"):
            await connection.execute(f"set role {role}")
            for table in ("events", "streams", "events_default"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"select version from monynha.{table}")
        await connection.execute("set role monynha_system")
        assert await connection.fetch("select version from monynha.events") == []
    finally:
        await connection.close()
