"""One question, one round trip: counted on the wire between the program and PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from monynha.app.asgi import Program, build
from monynha.core.actor import Actor
from monynha.core.settings import Settings
from monynha.engine.history import Event, Stream
from monynha.infra.embedded import Servers
from tests.people import People, Person
from tests.wire_tap import Tap, tapped

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def tap(running_servers: Servers) -> AsyncIterator[Tap]:
    """Return a counted way to the database; a socket's path must be short."""
    with tempfile.TemporaryDirectory(prefix="tap") as folder:
        async with tapped(running_servers.database_url, Path(folder)) as found:
            yield found


@pytest.fixture(scope="module")
async def near(tap: Tap, settings: Settings, running_servers: Servers) -> AsyncIterator[Program]:
    """Return a program that goes the counted way."""
    made = await build(settings, replace(running_servers, database_url=tap.url))
    yield made
    await made.close()


@pytest.fixture(scope="module")
async def counted(near: Program) -> AsyncIterator[httpx.AsyncClient]:
    """Return its client."""
    transport = httpx.ASGITransport(app=near)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield client


@pytest.fixture
async def grace(people: People, counted: httpx.AsyncClient) -> Person:
    """Return somebody whose requests are counted."""
    return replace(await people.new("Grace"), client=counted)


async def trips(tap: Tap, person: Person, method: str, path: str, body: Any = None, **headers: str) -> int:
    """Return the round trips of a request whose statements are prepared, as it was asked twice before."""
    for _ in range(2):
        await person.ask(method, path, json=body, headers=headers)
    before = tap.trips
    answer = await person.ask(method, path, json=body, headers=headers)
    assert answer.status_code < 300, answer.text
    return tap.trips - before


READS = [
    "/users/me",
    "/users",
    "/users/me/posts",
    "/posts",
    "/projects",
    "/projects?count=exact&q=a&status=active&sort=name",
    "/projects?include=owner,members.user,tasks.assignee",
    "/projects/{project}",
    "/projects/{project}?include=owner,members.user,tasks",
    "/projects/{project}?include=owner.ownedProjects,members.user.memberships.project,tasks.assignee,tasks.project",
    "/projects/{project}/members?include=user",
    "/projects/{project}/tasks?count=exact&status=todo&tag=a&dueBefore=2026-01-01T00:00:00Z&q=b&include=assignee",
    "/tasks?assigneeId=me&include=project.owner",
    "/tasks/{task}",
    "/tasks/{task}?include=project.members.user,assignee&fields=title,project.name",
    "/users/me?include=ownedProjects.tasks,memberships.project,assignedTasks.project,posts.author",
]


@pytest.mark.parametrize("path", READS)
async def test_a_read_is_one_round_trip(tap: Tap, grace: Person, path: str) -> None:
    project = await grace.project()
    task = await grace.task(project)

    assert 1 == await trips(tap, grace, "GET", path.format(project=project["id"], task=task["id"]))


async def test_a_page_further_on_is_one_round_trip(tap: Tap, grace: Person) -> None:
    project = await grace.project()
    for _ in range(3):
        await grace.task(project)
    for sort in ("-createdAt", "title", "-dueDate", "priority"):
        cursor = (await grace.get(f"/tasks?limit=1&sort={sort}")).json()["meta"]["nextCursor"]

        assert 1 == await trips(tap, grace, "GET", f"/tasks?limit=1&sort={sort}&cursor={cursor}")


async def test_what_the_asker_has_already_is_one_round_trip(tap: Tap, grace: Person) -> None:
    tag = (await grace.get("/users/me")).headers["etag"]
    await grace.get("/users/me")

    async with tap.counting(1):
        assert 304 == (await grace.get("/users/me", headers={"If-None-Match": tag})).status_code


async def test_a_plain_create_is_one_round_trip(tap: Tap, grace: Person) -> None:
    project = await grace.project()

    assert 1 == await trips(tap, grace, "POST", "/posts", {"title": "x", "content": ""})
    assert 1 == await trips(tap, grace, "POST", f"/projects/{project['id']}/tasks", {"title": "x"})


CREATES = [
    (
        'mutation ($id: ID!) { createTask(projectId: $id, input: {title: "x"}) { SHOWN } }',
        "id title tags",
        "id project { name }",
    ),
    (
        'mutation { createPost(input: {title: "x", content: ""}) { SHOWN } }',
        "__typename a: id b: createdAt",
        "author { name }",
    ),
    (
        'mutation { createProject(input: {name: "x"}) { SHOWN } }',
        "id ownerId settings createdAt",
        "id myRole",
    ),
]


@pytest.mark.parametrize(("document", "own", "more"), CREATES)
async def test_a_graphql_create_is_one_round_trip_as_rests(
    tap: Tap, grace: Person, document: str, own: str, more: str
) -> None:
    project = await grace.project()

    async def count(shown: str) -> int:
        body = {"query": document.replace("SHOWN", shown), "variables": {"id": project["id"]}}
        for _ in range(3):
            before = tap.trips
            answer = await grace.client.post(
                "/graphql", json=body, headers={"authorization": f"Bearer {grace.token}"}
            )
            assert "errors" not in answer.json(), answer.text
        return tap.trips - before

    assert (1, 4) == (await count(own), await count(more))


async def test_fields_of_ones_own_are_answered_by_the_write_itself(tap: Tap, grace: Person) -> None:
    body = {"title": "x", "content": ""}

    assert 1 == await trips(tap, grace, "POST", "/posts?fields=id,title", body)
    assert 1 == await trips(tap, grace, "POST", "/projects?fields=id,name", {"name": "x"})
    assert 4 == await trips(tap, grace, "POST", "/posts?include=author", body)


WRITES: list[tuple[str, str, dict[str, Any], int]] = [
    # begin with the claims, write, (answer,) commit
    ("POST", "/projects", {"name": "x"}, 4),
    ("PUT", "/tasks/{task}", {"title": "x"}, 3),
    ("PUT", "/tasks/{task}", {}, 3),
    ("PUT", "/tasks/{task}?include=assignee", {"title": "x"}, 4),
    ("PUT", "/projects/{project}", {"name": "x"}, 4),
    ("PUT", "/users/me", {"name": "x"}, 4),
    ("PUT", "/users/me", {}, 4),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), WRITES)
async def test_a_write_is_at_most_four_round_trips(
    tap: Tap, grace: Person, method: str, path: str, body: dict[str, Any], expected: int
) -> None:
    project = await grace.project()
    task = await grace.task(project)

    actual = await trips(tap, grace, method, path.format(project=project["id"], task=task["id"]), body)

    assert expected == actual


async def test_a_delete_is_three_round_trips(tap: Tap, grace: Person) -> None:
    project = await grace.project()
    tasks = [await grace.task(project) for _ in range(3)]
    for task in tasks[:2]:
        await grace.delete(f"/tasks/{task['id']}")

    async with tap.counting(3):
        await grace.delete(f"/tasks/{tasks[2]['id']}")


async def test_a_body_that_cannot_be_read_costs_one_round_trip(tap: Tap, grace: Person) -> None:
    await grace.post("/posts", {})

    async with tap.counting(1):
        assert 422 == (await grace.post("/posts", {"title": ""})).status_code


async def test_nobody_costs_no_round_trip(tap: Tap, counted: httpx.AsyncClient) -> None:
    async with tap.counting(0):
        assert 401 == (await counted.get("/api/v1/projects")).status_code
        assert 404 == (await counted.get("/api/v1/nothing")).status_code
        assert 200 == (await counted.get("/healthz")).status_code


async def test_a_stranger_is_refused_as_fast_whether_somebody_listens_or_nothing_is_there(
    tap: Tap, near: Program, people: People, grace: Person
) -> None:
    heard, unheard = await grace.project(), await grace.project()
    eve = replace(await people.new("Eve"), client=grace.client)
    await eve.get(f"/projects/{uuid4()}/events")
    listening = DeafListener(grace.actor)
    stream = Stream("project", UUID(heard["id"]))
    await near.live.hub.join(near.database.acting(grace.actor), stream, listening)
    told: dict[str, list[int]] = {"heard": [], "unheard": [], "absent": []}
    for _ in range(3):  # the hub's own look each second may fall into one of them
        for name, place in (("heard", heard["id"]), ("unheard", unheard["id"]), ("absent", uuid4())):
            before = tap.trips
            assert 404 == (await eve.get(f"/projects/{place}/events")).status_code
            told[name].append(tap.trips - before)
    near.live.hub.leave(stream, listening)

    # The proof, and whether the session is live.
    assert {"heard": 2, "unheard": 2, "absent": 2} == {name: min(trips) for name, trips in told.items()}


@dataclass(eq=False)
class DeafListener:
    """Somebody who has a seat and does nothing with what is heard."""

    actor: Actor
    outlet: None = None

    def hear(self, event: Event) -> None:
        """Take an event."""

    def lose(self, stream: Stream) -> None:
        """Take notice that nothing more will be heard."""

    def end(self) -> None:
        """Take notice that the session is over."""
