"""Round trips of each kind of request, counted on the connection between the program and PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from monynha.app.composition.application import Application, build
from monynha.core.actor import Actor
from monynha.core.settings.settings import Settings
from monynha.engine.realtime.event_log import Event, Stream
from monynha.infra.embedded import ServerUrls
from tests.round_trip_counter import RoundTripCounter, run_round_trip_counter
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def tap(running_servers: ServerUrls) -> AsyncIterator[RoundTripCounter]:
    """Return a proxy to the database that counts round trips; the path of its socket must be short."""
    with tempfile.TemporaryDirectory(prefix="tap") as folder:
        async with run_round_trip_counter(running_servers.database_url, Path(folder)) as tap:
            yield tap


@pytest.fixture(scope="module")
async def tapped_program(
    tap: RoundTripCounter, settings: Settings, running_servers: ServerUrls
) -> AsyncIterator[Application]:
    """Return the application, connected through the proxy."""
    without_worker = replace(settings, services=settings.services - {"worker"})
    program = await build(without_worker, replace(running_servers, database_url=tap.url))
    # They would be counted each few seconds, as the worker's poll would.
    program.database_probe.stop()
    program.auth.key_refresh.stop()
    yield program
    await program.close()


@pytest.fixture(scope="module")
async def tapped_client(tapped_program: Application) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of that application."""
    transport = httpx.ASGITransport(app=tapped_program.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield client


@pytest.fixture
async def tapped_user(users: UserFactory, tapped_client: httpx.AsyncClient) -> ApiUser:
    """Return a user whose requests are counted."""
    return replace(await users.create("Grace"), client=tapped_client)


async def count_round_trips(
    tap: RoundTripCounter, user: ApiUser, method: str, path: str, body: Any = None, **headers: str
) -> int:
    """Return the round trips of a request whose statements are prepared, because it was sent twice before.

    The fewest of three requests: the uses of sessions, which are stored some seconds later, may fall into one.
    """
    counts: list[int] = []
    for _ in range(5):
        before = tap.round_trips
        response = await user.request(method, path, json=body, headers=headers)
        assert response.status_code < 300, response.text
        counts.append(tap.round_trips - before)
    return min(counts[2:])


READS = [
    "/users/me",
    "/users",
    "/users/me/posts",
    "/posts",
    "/projects",
    "/projects?count=exact&q=a&status=active&sort=name",
    "/projects?limit=5&include=owner,members.user,tasks.assignee",
    "/projects/{project}",
    "/projects/{project}?include=owner,members.user,tasks",
    "/projects/{project}?include=owner.ownedProjects,members.user.memberships.project,tasks.assignee,tasks.project"
    "&fields=id,members.user.memberships.project.id",
    "/projects/{project}/members?include=user",
    "/projects/{project}/tasks?count=exact&status=todo&tag=a&dueBefore=2026-01-01T00:00:00Z&q=b&include=assignee",
    "/tasks?assigneeId=me&include=project.owner",
    "/tasks/{task}",
    "/tasks/{task}?include=project.members.user,assignee&fields=title,project.name",
    "/users/me?include=ownedProjects.tasks,memberships.project,assignedTasks.project,posts.author"
    "&fields=id,ownedProjects.tasks.title",
]


@pytest.mark.parametrize("path", READS)
async def test_read_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser, path: str) -> None:
    project = await tapped_user.create_project()
    task = await tapped_user.create_task(project)

    assert await count_round_trips(tap, tapped_user, "GET", path.format(project=project["id"], task=task["id"])) == 1


async def test_next_page_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    project = await tapped_user.create_project()
    for _ in range(3):
        await tapped_user.create_task(project)
    for sort in ("-createdAt", "title", "-dueDate", "priority"):
        cursor = (await tapped_user.get(f"/tasks?limit=1&sort={sort}")).json()["meta"]["nextCursor"]

        assert await count_round_trips(tap, tapped_user, "GET", f"/tasks?limit=1&sort={sort}&cursor={cursor}") == 1


async def test_not_modified_response_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    tag = (await tapped_user.get("/users/me")).headers["etag"]
    await tapped_user.get("/users/me")

    async with tap.counting(1):
        assert (await tapped_user.get("/users/me", headers={"If-None-Match": tag})).status_code == 304


async def test_create_of_stored_fields_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    project = await tapped_user.create_project()

    assert await count_round_trips(tap, tapped_user, "POST", "/posts", {"title": "x", "content": ""}) == 1
    assert await count_round_trips(tap, tapped_user, "POST", f"/projects/{project['id']}/tasks", {"title": "x"}) == 1


GRAPHQL_CREATES = [
    (
        'mutation ($id: ID!) { createTask(projectId: $id, input: {title: "x"}) { SELECTION } }',
        "id title tags",
        "id project { name }",
    ),
    (
        'mutation { createPost(input: {title: "x", content: ""}) { SELECTION } }',
        "__typename a: id b: createdAt",
        "author { name }",
    ),
    (
        'mutation { createProject(input: {name: "x"}) { SELECTION } }',
        "id ownerId settings createdAt",
        "id myRole",
    ),
]


@pytest.mark.parametrize(("document", "own", "more"), GRAPHQL_CREATES)
async def test_graphql_create_of_stored_fields_is_one_round_trip(
    tap: RoundTripCounter, tapped_user: ApiUser, document: str, own: str, more: str
) -> None:
    project = await tapped_user.create_project()

    async def count(selection: str) -> int:
        body = {"query": document.replace("SELECTION", selection), "variables": {"id": project["id"]}}
        for _ in range(3):
            before = tap.round_trips
            response = await tapped_user.client.post(
                "/graphql", json=body, headers={"authorization": f"Bearer {tapped_user.token}"}
            )
            assert "errors" not in response.json(), response.text
        return tap.round_trips - before

    assert (await count(own), await count(more)) == (1, 4)


async def test_create_that_selects_stored_fields_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    body = {"title": "x", "content": ""}

    assert await count_round_trips(tap, tapped_user, "POST", "/posts?fields=id,title", body) == 1
    assert await count_round_trips(tap, tapped_user, "POST", "/projects?fields=id,name", {"name": "x"}) == 1
    assert await count_round_trips(tap, tapped_user, "POST", "/posts?include=author", body) == 4


WRITES: list[tuple[str, str, dict[str, Any], int]] = [
    # begin and set the actor, write, (select the result,) commit
    ("POST", "/projects", {"name": "x"}, 4),
    ("PUT", "/tasks/{task}", {"title": "x"}, 3),
    ("PUT", "/tasks/{task}", {}, 3),
    ("PUT", "/tasks/{task}?include=assignee", {"title": "x"}, 4),
    ("PUT", "/projects/{project}", {"name": "x"}, 4),
    ("PUT", "/users/me", {"name": "x"}, 4),
    ("PUT", "/users/me", {}, 4),
]


@pytest.mark.parametrize(("method", "path", "body", "expected"), WRITES)
async def test_write_is_at_most_four_round_trips(
    tap: RoundTripCounter, tapped_user: ApiUser, method: str, path: str, body: dict[str, Any], expected: int
) -> None:
    project = await tapped_user.create_project()
    task = await tapped_user.create_task(project)

    actual = await count_round_trips(
        tap, tapped_user, method, path.format(project=project["id"], task=task["id"]), body
    )

    assert actual == expected


async def test_delete_is_three_round_trips(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    project = await tapped_user.create_project()
    tasks = [await tapped_user.create_task(project) for _ in range(3)]
    for task in tasks[:2]:
        await tapped_user.delete(f"/tasks/{task['id']}")

    async with tap.counting(3):
        await tapped_user.delete(f"/tasks/{tasks[2]['id']}")


async def test_invalid_body_is_one_round_trip(tap: RoundTripCounter, tapped_user: ApiUser) -> None:
    await tapped_user.post("/posts", {})

    async with tap.counting(1):
        assert (await tapped_user.post("/posts", {"title": ""})).status_code == 422


async def test_anonymous_request_is_no_round_trip(tap: RoundTripCounter, tapped_client: httpx.AsyncClient) -> None:
    async with tap.counting(0):
        assert (await tapped_client.get("/api/v1/projects")).status_code == 401
        assert (await tapped_client.get("/api/v1/nothing")).status_code == 404
        assert (await tapped_client.get("/healthz")).status_code == 200


async def test_subscribing_without_access_takes_as_long_for_absent_projects(
    tap: RoundTripCounter, tapped_program: Application, users: UserFactory, tapped_user: ApiUser
) -> None:
    watched, unwatched = await tapped_user.create_project(), await tapped_user.create_project()
    stranger = replace(await users.create("Eve"), client=tapped_user.client)
    await stranger.get(f"/projects/{uuid4()}/events")
    subscriber = IgnoringSubscriber(tapped_user.actor)
    stream = Stream("project", UUID(watched["id"]))
    await tapped_program.realtime.hub.subscribe(tapped_program.database.as_actor(tapped_user.actor), stream, subscriber)
    round_trips: dict[str, list[int]] = {"heard": [], "unheard": [], "absent": []}
    for _ in range(3):  # the hub's poll each second may fall into one of them
        for name, project_id in (("heard", watched["id"]), ("unheard", unwatched["id"]), ("absent", uuid4())):
            before = tap.round_trips
            assert (await stranger.get(f"/projects/{project_id}/events")).status_code == 404
            round_trips[name].append(tap.round_trips - before)
    tapped_program.realtime.hub.unsubscribe(stream, subscriber)

    # One authorizes the subscription, one looks whether a second factor would, and one checks the session.
    assert {name: min(trips) for name, trips in round_trips.items()} == {"heard": 3, "unheard": 3, "absent": 3}


@dataclass(eq=False)
class IgnoringSubscriber:
    """A subscriber that ignores every event."""

    actor: Actor
    sink: None = None

    def on_event(self, event: Event) -> None:
        """Ignore an event."""

    def on_revoked(self, stream: Stream) -> None:
        """Ignore that access was revoked."""

    def on_session_end(self) -> None:
        """Ignore that the session is over."""
