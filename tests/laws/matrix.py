"""Every verb of the API with something to do it to: the rows of the matrix of rights."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from tests.casts import Cast, cast
from tests.people import People, Person

ACTORS = (
    "anonymous",
    "outsider",
    "removed",
    "viewer",
    "assignee",
    "member",
    "admin",
    "owner",
    "system_admin",
)


@dataclass(frozen=True)
class Scene:
    """A project with a task, a post and members to act upon, and who is about to act."""

    cast: Cast
    actor: Person
    task: str
    post: str

    @property
    def is_outside(self) -> bool:
        """Whether the actor is not in the project, nor above it."""
        return self.actor.name in ("Nobody", "Outsider", "Removed")


async def scene(people: People, name: str) -> Scene:
    """Return a new world with the actor of that name in it."""
    made = await cast(people)
    actor = await made.actor(name)
    assignee = {"assigneeId": str(actor.id)} if name == "assignee" else {}
    task = await made.owner.task(made.project, **assignee)
    post = await made.owner.made("/posts", {"title": "A post", "content": ""})
    return Scene(made, actor, task["id"], post["id"])


Find = Callable[[Scene], Awaitable[str]]


@dataclass(frozen=True, eq=False)
class Row:
    """One verb done to one kind of target: `path` names the route, `find` the address of the target."""

    method: str
    path: str
    to: str
    find: Find
    body: dict[str, Any] | None = None


async def _project(scene: Scene) -> str:
    return scene.cast.path


async def _tasks(scene: Scene) -> str:
    return f"{scene.cast.path}/tasks"


async def _task(scene: Scene) -> str:
    return f"/tasks/{scene.task}"


async def _members(scene: Scene) -> str:
    return f"{scene.cast.path}/members"


async def _owners_post(scene: Scene) -> str:
    return f"/posts/{scene.post}"


async def _own_post(scene: Scene) -> str:
    made = await scene.actor.post("/posts", {"title": "Mine", "content": ""})
    # Whoever may write no post has none: the owner's stands in.
    return f"/posts/{made.json()['data']['id']}" if made.status_code == 201 else f"/posts/{scene.post}"


def _at(path: str) -> Find:
    async def find(scene: Scene) -> str:
        return path

    return find


def _member(role: str) -> Find:
    async def find(scene: Scene) -> str:
        person = scene.cast.owner
        if role == "oneself":
            person = scene.actor
        elif role != "owner":
            person = await scene.cast.people.member(scene.cast.project, scene.cast.owner, role, "Target")
        return f"{scene.cast.path}/members/{person.id}"

    return find


async def _somebody(scene: Scene) -> str:
    person = await scene.cast.people.member(scene.cast.project, scene.cast.owner, "member", "Somebody")
    return f"/users/{person.id}"


async def _somebodys_posts(scene: Scene) -> str:
    person = await scene.cast.people.new("Somebody")
    await person.made("/posts", {"title": "A post", "content": ""})
    return f"/users/{person.id}/posts"


async def _activity(scene: Scene) -> str:
    return f"{scene.cast.path}/activity"


async def _notification(scene: Scene) -> str:
    told = await scene.cast.people.member(scene.cast.project, scene.cast.owner, "member", "Told")
    [notification] = (await told.get("/notifications")).json()["data"]
    return f"/notifications/{notification['id']}"


async def _own_notification(scene: Scene) -> str:
    if not scene.actor.token:
        return await _notification(scene)
    other = await scene.cast.people.new("Other")
    project = await other.project()
    await other.made(f"/projects/{project['id']}/members", {"userId": str(scene.actor.id)})
    first, *_ = (await scene.actor.get("/notifications")).json()["data"]
    return f"/notifications/{first['id']}"


_POST = {"title": "Changed", "content": "Changed"}
_USER, _MEMBER = "/users/{id}", "/projects/{id}/members/{userId}"

ROWS = (
    Row("GET", "/users", "everybody", _at("/users")),
    Row(
        "POST", "/users", "sign-up", _at("/users"), {"name": "New", "email": "", "password": "a long secret"}
    ),
    Row("GET", _USER, "a co-member", _somebody),
    Row("GET", _USER, "oneself", _at("/users/me")),
    *(
        Row(method, _USER, to, find, {"name": "Changed"})
        for method in ("PUT", "PATCH")
        for to, find in (("a co-member", _somebody), ("oneself", _at("/users/me")))
    ),
    Row("DELETE", _USER, "a co-member", _somebody),
    Row("DELETE", _USER, "oneself", _at("/users/me")),
    Row("GET", "/users/{id}/posts", "a co-member's", _somebodys_posts),
    Row("GET", "/posts", "all", _at("/posts")),
    Row("POST", "/posts", "a new one", _at("/posts"), _POST),
    Row("GET", "/posts/{id}", "another's", _owners_post),
    *(
        Row(method, "/posts/{id}", to, find, {"title": "Changed"})
        for method in ("PUT", "PATCH")
        for to, find in (("the owner's", _owners_post), ("one's own", _own_post))
    ),
    Row("DELETE", "/posts/{id}", "the owner's", _owners_post),
    Row("DELETE", "/posts/{id}", "one's own", _own_post),
    Row("GET", "/projects", "one's own", _at("/projects")),
    Row("POST", "/projects", "a new one", _at("/projects"), {"name": "New"}),
    Row("GET", "/projects/{id}", "", _project),
    Row("PUT", "/projects/{id}", "", _project, {"name": "Changed"}),
    Row("PATCH", "/projects/{id}", "", _project, {"status": "archived"}),
    Row("DELETE", "/projects/{id}", "", _project),
    Row("GET", "/projects/{id}/members", "", _members),
    *(
        Row("POST", "/projects/{id}/members", f"a new {role}", _members, {"role": role})
        for role in ("viewer", "member", "admin")
    ),
    Row("GET", _MEMBER, "the owner", _member("owner")),
    *(
        Row(method, _MEMBER, f"{a} to {b}", _member(a.split()[-1]), {"role": b})
        for method, a, b in (
            ("PUT", "a viewer", "member"),
            ("PATCH", "a member", "viewer"),
            ("PUT", "a member", "admin"),
            ("PUT", "an admin", "member"),
            ("PUT", "a member", "owner"),
            ("PUT", "the owner", "member"),
            ("PUT", "oneself", "owner"),
        )
    ),
    *(
        Row("DELETE", _MEMBER, role, _member(role.split()[-1]))
        for role in ("a viewer", "an admin", "the owner", "oneself")
    ),
    Row("GET", "/projects/{id}/tasks", "", _tasks),
    Row("POST", "/projects/{id}/tasks", "a new one", _tasks, {"title": "New"}),
    Row("GET", "/tasks", "one's own", _at("/tasks")),
    Row("GET", "/tasks/{id}", "", _task),
    Row("PUT", "/tasks/{id}", "its status", _task, {"status": "done"}),
    Row("PATCH", "/tasks/{id}", "its assignee", _task, {"assigneeId": None}),
    Row("DELETE", "/tasks/{id}", "", _task),
    Row("GET", "/notifications", "one's own", _at("/notifications")),
    Row("GET", "/notifications/{id}", "a co-member's", _notification),
    Row("GET", "/notifications/{id}", "one's own", _own_notification),
    *(
        Row(method, "/notifications/{id}", to, find, {"read": True})
        for method in ("PUT", "PATCH")
        for to, find in (("a co-member's", _notification), ("one's own", _own_notification))
    ),
    Row("POST", "/notifications/read-all", "one's own", _at("/notifications/read-all")),
    Row("GET", "/projects/{id}/activity", "", _activity),
    Row("GET", "/activity", "one's own projects'", _at("/activity")),
)
