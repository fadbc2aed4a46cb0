"""What people are told: in the same transaction, and never what they did themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.people import People, Person
from tests.protocols.graphql.asking import codes, data

pytestmark = pytest.mark.anyio


async def told(person: Person, query: str = "") -> list[dict[str, Any]]:
    answer = await person.get(f"/notifications{query}")
    assert 200 == answer.status_code, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


async def test_whoever_is_added_and_assigned_is_told_at_once(people: People, ada: Person) -> None:
    project = await ada.project(name="Garden")
    bob = await people.member(project, ada, "member", "Bob")
    task = await ada.task(project, title="Dig", assigneeId=str(bob.id))

    found = await told(bob)

    assert [("assigned", "Dig"), ("added", "Garden")] == [(one["type"], one["title"]) for one in found]
    assert {"projectId": project["id"], "taskId": task["id"], "actorId": str(ada.id)} == found[0]["data"]
    assert [] == await told(ada)


async def test_nobody_is_told_what_they_did_themselves(people: People, ada: Person) -> None:
    project = await ada.project()
    await ada.task(project, assigneeId=str(ada.id), description="@Ada, look!")

    assert [] == await told(ada)


async def test_members_who_are_mentioned_are_told_once(people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "viewer", "Bob")
    task = await ada.task(project, title="Dig", description="mail bob@example.com, @Bobby and me@Bob")
    before = [one["type"] for one in await told(bob)]
    await ada.put(f"/tasks/{task['id']}", {"description": "Ask @bob."})
    await ada.put(f"/tasks/{task['id']}", {"description": "Ask @bob again."})

    after = [one["type"] for one in await told(bob)]

    assert ["added"] == before
    assert ["mentioned", "added"] == after


async def test_outsiders_are_not_mentioned(people: People, ada: Person) -> None:
    eve = await people.new("Evelyn")
    await ada.task(await ada.project(), description="@Evelyn")

    assert [] == await told(eve)


async def test_they_are_read_one_by_one_and_all_at_once(people: People, ada: Person) -> None:
    bob = await people.new("Bob")
    for _ in range(3):
        project = await ada.project()
        await ada.made(f"/projects/{project['id']}/members", {"userId": str(bob.id)})
    first, *_ = await told(bob)
    read = await bob.put(f"/notifications/{first['id']}", {"read": True})
    again = await bob.put(f"/notifications/{first['id']}", {"read": True})
    unread = await told(bob, "?unread=true")
    seen = await told(bob, "?unread=false")
    rest = await bob.post("/notifications/read-all", {})

    assert 200 == read.status_code, read.text
    assert read.json()["data"]["readAt"] is not None
    assert read.json() == again.json()
    assert 2 == len(unread)
    assert [first["id"]] == [one["id"] for one in seen]
    assert {"updated": 2} == rest.json()["data"]
    assert [] == await told(bob, "?unread=true")


@pytest.mark.parametrize(
    ("body", "field"),
    [({"read": 1}, "read"), ({"readAt": None}, "readAt"), ({"read": True, "title": "x"}, "title")],
)
async def test_nothing_else_is_written(people: People, ada: Person, body: Any, field: str) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    first, *_ = await told(bob)

    answer = await bob.put(f"/notifications/{first['id']}", body)

    assert 422 == answer.status_code
    assert [field] == list(answer.json()["error"]["details"])


async def test_they_are_nobody_elses(people: People, ada: Person) -> None:
    project = await ada.project()
    bob = await people.member(project, ada, "member")
    first, *_ = await told(bob)

    assert 404 == (await ada.get(f"/notifications/{first['id']}")).status_code
    assert 404 == (await ada.put(f"/notifications/{first['id']}", {"read": True})).status_code
    assert 401 == (await people.nobody().get("/notifications")).status_code
    assert 401 == (await people.nobody().post("/notifications/read-all", {})).status_code


async def test_graphql_marks_them_as_rest_does(people: People, ada: Person) -> None:
    mark = """mutation ($id: ID!, $input: UpdateNotificationInput!) {
      updateNotification(id: $id, input: $input) { title readAt user { name } }
    }"""
    project = await ada.project(name="Garden")
    bob = await people.member(project, ada, "member", "Bob")
    await ada.task(project, title="Dig", assigneeId=str(bob.id))
    first, second = await told(bob)

    read = await data(bob, mark, id=first["id"], input={"read": True})
    again = await data(bob, mark, id=first["id"], input={"read": True})
    nothing = await data(bob, mark, id=first["id"], input={})
    unread = await data(bob, mark, id=first["id"], input={"read": False})
    updated = await data(bob, "mutation { readAllNotifications }")
    none_left = await data(bob, "mutation { readAllNotifications }")

    marked = read["updateNotification"]
    assert ("Dig", {"name": "Bob"}) == (marked["title"], marked["user"])
    assert marked["readAt"] is not None
    assert read == again == nothing
    assert unread["updateNotification"]["readAt"] is None
    assert (2, 0) == (updated["readAllNotifications"], none_left["readAllNotifications"])
    assert [] == await told(bob, "?unread=true")
    assert ["NOT_FOUND"] == await codes(ada, mark, id=second["id"], input={"read": False})
    for query in (mark, "mutation { readAllNotifications }"):
        given = {"id": first["id"], "input": {"read": True}} if query == mark else {}
        assert ["UNAUTHENTICATED"] == await codes(people.nobody(), query, **given)
