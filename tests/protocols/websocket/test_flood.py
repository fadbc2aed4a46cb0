from __future__ import annotations
import pytest, json, asyncio
from tests.live import OwnerSql, line
from tests.people import Person
pytestmark = pytest.mark.anyio

async def test_all_that_was_missed_is_heard_however_much_it_is(address: str, ada: Person, owner_sql: OwnerSql) -> None:
    project = await ada.project()
    await owner_sql("insert into public.tasks (project_id, title, description) select $1::uuid, 'T' || n, repeat('d', 500) from generate_series(1, 9000) n", project["id"])
    async with line(address, ada) as socket:
        await socket.say("resume", projectId=project["id"], version=0)
        print(await socket.hear())
        heard = [await socket.hear() for _ in range(9002)]
    versions = [one["version"] for one in heard]
    print(versions[0], versions[-1])
    assert list(range(versions[0], versions[0] + 9002)) == versions
