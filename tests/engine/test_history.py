"""The history: gapless, in commit order, without what nobody may know, and free of deadlocks."""

from __future__ import annotations

import asyncio
import random
from itertools import pairwise
from typing import Any

import asyncpg
import pytest

from monynha.infra.embedded import Servers
from tests.live import OwnerSql
from tests.people import People, Person

pytestmark = pytest.mark.anyio

_EVENTS = """
select version, resource, verb, row_id, new, old, actor, at from monynha.events
where kind = 'project' and stream = $1 order by version
"""


async def test_versions_are_gapless_and_in_commit_order_whoever_rolls_back(
    ada: Person, running_servers: Servers, owner_sql: OwnerSql
) -> None:
    project = await ada.project()
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

    await asyncio.gather(*(write(one, random.Random(one)) for one in range(8)))
    rows = await owner_sql(_EVENTS, project["id"])
    told = [asyncpg_json(row["new"])["title"] for row in rows if row["resource"] == "tasks"]
    counter = await owner_sql("select version from monynha.streams where id = $1", project["id"])

    assert list(range(1, len(rows) + 1)) == [row["version"] for row in rows]
    assert len(rows) == counter[0]["version"]
    # Each transaction's rows stand together, in the order in which the commits ended.
    assert committed == sorted(dict.fromkeys(told), key=committed.index)
    assert len(dict.fromkeys(told)) == 1 + sum(one != other for one, other in pairwise(told))
    assert sorted(row["at"] for row in rows) == [row["at"] for row in rows]


def asyncpg_json(text: str) -> dict[str, Any]:
    import json

    found: dict[str, Any] = json.loads(text)
    return found


async def test_eight_writers_removals_and_deletions_never_deadlock_into_an_error(
    people: People, ada: Person
) -> None:
    projects = [await ada.project() for _ in range(3)]
    crew = [await people.new(f"P{number}") for number in range(8)]
    statuses: list[int] = []

    async def join_all(person: Person) -> None:
        for project in projects:
            await ada.post(f"/projects/{project['id']}/members", {"userId": str(person.id), "role": "member"})

    async def write(person: Person, seed: random.Random) -> None:
        for _ in range(12):
            project = seed.choice(projects)
            mate = seed.choice(crew)
            body = {"title": "T", "assigneeId": str(mate.id), "description": f"@{mate.name}"}
            answer = await person.post(f"/projects/{project['id']}/tasks", body)
            statuses.append(answer.status_code)
            if answer.status_code == 201:
                path = f"/tasks/{answer.json()['data']['id']}"
                other = {"assigneeId": str(seed.choice(crew).id)}
                statuses.append((await person.put(path, other)).status_code)

    async def remove(seed: random.Random) -> None:
        for _ in range(20):
            project, person = seed.choice(projects), seed.choice(crew[:4])
            path = f"/projects/{project['id']}/members"
            statuses.append((await ada.delete(f"{path}/{person.id}")).status_code)
            statuses.append((await ada.post(path, {"userId": str(person.id)})).status_code)

    async def leave_for_good(person: Person) -> None:
        await asyncio.sleep(0.2)
        statuses.append((await person.delete("/users/me?cascade=true")).status_code)

    await asyncio.gather(*map(join_all, crew))
    await asyncio.gather(
        *(write(person, random.Random(number)) for number, person in enumerate(crew)),
        remove(random.Random(99)),
        *map(leave_for_good, crew[4:]),
    )

    assert [] == [status for status in statuses if status >= 500]


async def test_no_event_holds_a_hash_or_an_address(people: People, owner_sql: OwnerSql) -> None:
    ada = await people.signed_up("Grace", "correct horse battery")
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    await ada.put("/users/me", {"name": "Grace H."})
    await bob.put("/users/me", {"email": f"new-{bob.email}"})

    told = await owner_sql(
        "select coalesce(new::text, '') || coalesce(old::text, '') as told from monynha.events "
        "where actor = any ($1) or row_id = any ($1)",
        [ada.id, bob.id],
    )

    assert told
    assert [] == [one["told"] for one in told if "@" in one["told"] or "argon2" in one["told"]]


async def test_a_person_who_goes_takes_their_name_along(
    people: People, ada: Person, owner_sql: OwnerSql
) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member", "Bartholomew")
    await bob.put("/users/me", {"name": "Bartholomew II"})
    await bob.delete("/users/me")

    rows = await owner_sql(_EVENTS, project["id"])
    own = await owner_sql("select resource from monynha.events where kind = 'user' and stream = $1", bob.id)

    assert [] == [row for row in rows if "Bartholomew" in f"{row['new']}{row['old']}"]
    assert {"users", "sessions", "members", "notifications"} >= {row["resource"] for row in own}
    assert "users" in {row["resource"] for row in own}


async def test_an_event_tells_what_changed_and_what_it_was(ada: Person, owner_sql: OwnerSql) -> None:
    project = await ada.project()
    task = await ada.task(project, title="Old", tags=["a"])
    await ada.put(f"/tasks/{task['id']}", {"title": "New"})

    *_, last = await owner_sql(_EVENTS, project["id"])
    old, new = asyncpg_json(last["old"]), asyncpg_json(last["new"])

    assert {"title", "updated_at", "version"} == old.keys()
    assert ("Old", "New") == (old["title"], new["title"])
    assert ["a"] == new["tags"]
    assert ada.id == last["actor"]


async def test_many_rows_in_one_statement_are_many_events(ada: Person, owner_sql: OwnerSql) -> None:
    first, second = await ada.project(), await ada.project()
    ids = [first["id"], second["id"]]
    await owner_sql(
        "insert into public.tasks (project_id, title) "
        "select unnest($1::uuid[]), 'T' from generate_series(1, 50)",
        ids,
    )
    await owner_sql("update public.tasks set title = 'U' where project_id = any ($1)", ids)
    await owner_sql("delete from public.tasks where project_id = any ($1)", ids)

    for one in ids:
        rows = await owner_sql(_EVENTS, one)
        assert list(range(1, 153)) == [row["version"] for row in rows]
        assert [50, 50, 50] == [
            sum(row["verb"] == verb and row["resource"] == "tasks" for row in rows)
            for verb in ("insert", "update", "delete")
        ]


async def test_partitions_are_there_for_the_months_ahead(owner_sql: OwnerSql) -> None:
    rows = await owner_sql(
        "select c.relname, c.relrowsecurity and c.relforcerowsecurity as is_forced from pg_inherits i "
        "join pg_class c on c.oid = i.inhrelid where i.inhparent = 'monynha.events'::regclass"
    )

    assert 5 == len(rows)
    assert all(row["is_forced"] for row in rows)
    assert "events_default" in {row["relname"] for row in rows}


async def test_nobody_who_asks_reads_the_history_itself(ada: Person, running_servers: Servers) -> None:
    connection = await asyncpg.connect(running_servers.database_url)
    try:
        for role in ("monynha_app", "monynha_admin"):
            await connection.execute(f"set role {role}")
            for table in ("events", "streams", "events_default"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.fetch(f"select version from monynha.{table}")
        await connection.execute("set role monynha_system")
        assert [] == await connection.fetch("select version from monynha.events")
    finally:
        await connection.close()
