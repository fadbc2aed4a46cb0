"""The activity of a project: who changed what, from what to what, for those who see it now."""

from __future__ import annotations

import pytest

from tests.people import People, Person

pytestmark = pytest.mark.anyio


async def test_it_tells_who_changed_what_from_what_to_what(people: People, ada: Person) -> None:
    project = await ada.project()
    task = await ada.task(project, title="Dig")
    await ada.put(f"/tasks/{task['id']}", {"title": "Dig deeper", "dueDate": "2030-01-01T00:00:00Z"})

    answer = await ada.get(f"/projects/{project['id']}/activity?include=actor")
    last, first = answer.json()["data"][:2]

    assert ("tasks", "updated", task["id"]) == (last["resource"], last["verb"], last["rowId"])
    assert ("Dig", "Dig deeper") == (last["old"]["title"], last["new"]["title"])
    assert {"title", "dueDate", "updatedAt"} == last["old"].keys() == last["new"].keys()
    assert ("created", "Dig") == (first["verb"], first["new"]["title"])
    assert "Ada" == last["actor"]["name"]
    assert last["position"] == first["position"] + 1


async def test_it_is_paged_newest_first(people: People, ada: Person) -> None:
    project = await ada.project()
    for _ in range(5):
        await ada.task(project)
    path = f"/projects/{project['id']}/activity?limit=3"
    first = (await ada.get(path)).json()
    rest = (await ada.get(f"{path}&cursor={first['meta']['nextCursor']}")).json()

    positions = [one["position"] for one in (*first["data"], *rest["data"])]

    assert [7, 6, 5, 4, 3, 2] == positions


async def test_outsiders_and_the_removed_see_none(people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "viewer")
    path = f"/projects/{project['id']}/activity"
    seen = (await bob.get(path)).status_code
    await ada.delete(f"/projects/{project['id']}/members/{bob.id}")

    assert 200 == seen
    assert 404 == (await bob.get(path)).status_code
    assert [] == (await bob.get("/activity")).json()["data"]
    assert 404 == (await (await people.new()).get(path)).status_code
