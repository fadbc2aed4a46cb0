"""Every endpoint with each kind of target: the rows of the rights matrix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from monynha.infra.queue.enqueue import enqueue
from tests.domains.files.file_client import upload
from tests.infra.images.samples import png
from tests.project_team import ProjectTeam, create_project_team
from tests.users import ApiUser, UserFactory

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
class RightsScene:
    """A project with a task and a post as targets, and the actor who sends the request."""

    team: ProjectTeam
    actor: ApiUser
    task: str
    post: str
    process_file: Callable[[str], Awaitable[object]]
    """Processes an image at once, whatever the workers are busy with."""

    @property
    def is_outside(self) -> bool:
        """Whether the actor can see nothing of the project."""
        return self.actor.name in ("Nobody", "Outsider", "Removed")


async def create_scene(users: UserFactory, name: str, process_file: Callable[[str], Awaitable[object]]) -> RightsScene:
    """Create a project, a task, a post and the actor of the name."""
    team = await create_project_team(users)
    actor = await team.actor(name)
    assignee = {"assigneeId": str(actor.id)} if name == "assignee" else {}
    task = await team.owner.create_task(team.project, **assignee)
    post = await team.owner.create("/posts", {"title": "A post", "content": ""})
    return RightsScene(team, actor, task["id"], post["id"], process_file)


LocateTarget = Callable[[RightsScene], Awaitable[str]]


@dataclass(frozen=True, eq=False)
class RightsRow:
    """A request to one kind of target: `path` is the route, `locate` returns the path of the target."""

    method: str
    path: str
    target: str
    locate: LocateTarget
    body: dict[str, Any] | None = None
    form: Mapping[str, tuple[str, bytes]] | None = None
    """The files of a form, by part."""
    is_rest_only: bool = False
    """Whether GraphQL has no such request: it carries no files."""


async def _project_path(scene: RightsScene) -> str:
    return scene.team.path


async def _tasks_path(scene: RightsScene) -> str:
    return f"{scene.team.path}/tasks"


async def _task_path(scene: RightsScene) -> str:
    return f"/tasks/{scene.task}"


async def _members_path(scene: RightsScene) -> str:
    return f"{scene.team.path}/members"


async def _owner_post_path(scene: RightsScene) -> str:
    return f"/posts/{scene.post}"


async def _own_post_path(scene: RightsScene) -> str:
    response = await scene.actor.post("/posts", {"title": "Mine", "content": ""})
    # An actor who cannot create a post gets the owner's instead.
    return f"/posts/{response.json()['data']['id']}" if response.status_code == 201 else f"/posts/{scene.post}"


def _fixed_path(path: str) -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        return path

    return locate


def _member_path(role: str) -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        user = scene.team.owner
        if role == "caller":
            user = scene.actor
        elif role != "owner":
            user = await scene.team.users.create_member(scene.team.project, scene.team.owner, role, "Target")
        return f"{scene.team.path}/members/{user.id}"

    return locate


async def _other_user_path(scene: RightsScene) -> str:
    user = await scene.team.users.create_member(scene.team.project, scene.team.owner, "member", "Somebody")
    return f"/users/{user.id}"


async def _other_user_posts_path(scene: RightsScene) -> str:
    user = await scene.team.users.create("Somebody")
    await user.create("/posts", {"title": "A post", "content": ""})
    return f"/users/{user.id}/posts"


async def _activity_path(scene: RightsScene) -> str:
    return f"{scene.team.path}/activity"


async def _notification_path(scene: RightsScene) -> str:
    recipient = await scene.team.users.create_member(scene.team.project, scene.team.owner, "member", "Told")
    [notification] = (await recipient.get("/notifications")).json()["data"]
    return f"/notifications/{notification['id']}"


async def _own_notification_path(scene: RightsScene) -> str:
    if not scene.actor.token:
        return await _notification_path(scene)
    other = await scene.team.users.create("Other")
    project = await other.create_project()
    await other.create(f"/projects/{project['id']}/members", {"userId": str(scene.actor.id)})
    first, *_ = (await scene.actor.get("/notifications")).json()["data"]
    return f"/notifications/{first['id']}"


async def _owner_session_path(scene: RightsScene) -> str:
    return f"/sessions/{scene.team.owner.session_id}"


async def _own_session_path(scene: RightsScene) -> str:
    return f"/sessions/{scene.actor.session_id}"


def _owner_export_path(suffix: str = "") -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        return f"/users/{scene.team.owner.id}/export{suffix}"

    return locate


def _file_path(suffix: str = "") -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        file = await upload(scene.team.owner, scene.team.project, b"A note.", name="note.txt")
        return f"/files/{file['id']}{suffix}"

    return locate


async def _thumbnail_path(scene: RightsScene) -> str:
    file = await upload(scene.team.owner, scene.team.project, png(4, 4), name="dot.png")
    await scene.process_file(file["id"])
    return f"/files/{file['id']}/thumbnails/100"


async def _files_path(scene: RightsScene) -> str:
    # GraphQL's empty list looks like that of a project that is not visible.
    await upload(scene.team.owner, scene.team.project)
    return f"{scene.team.path}/files"


async def _other_user_avatar_path(scene: RightsScene) -> str:
    return f"{await _other_user_path(scene)}/avatar"


async def _avatar_path(scene: RightsScene) -> str:
    owner = scene.team.owner
    response = await owner.request("PUT", "/users/me/avatar", files={"file": ("dot.png", png(4, 4))})
    return str(response.json()["data"]["avatarUrl"]).removeprefix("/api/v1")


async def _audit_event_path(scene: RightsScene) -> str:
    # Adding the members of the team was recorded.
    admin = await scene.team.users.create(is_admin=True)
    events = (await admin.get(f"/admin/audit?actorId={scene.team.owner.id}&limit=1")).json()["data"]
    return f"/admin/audit/{events[0]['id']}"


def _job_path(action: str = "") -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        async with scene.team.users.database.as_actor(scene.team.owner.actor).transaction() as transaction:
            job_id = await enqueue(transaction, "rights", {}, delay=timedelta(days=1))
        if action == "/retry":
            admin = await scene.team.users.create(is_admin=True)
            assert (await admin.post(f"/admin/jobs/{job_id}/cancel", None)).status_code == 200
        return f"/admin/jobs/{job_id}{action}"

    return locate


async def _person_path(scene: RightsScene) -> str:
    user = await scene.team.users.create_member(scene.team.project, scene.team.owner, "member", "Person")
    return f"/admin/people/{user.id}"


def _person_action_path(action: str, state: str = "") -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        path = await _person_path(scene)
        if state:
            admin = await scene.team.users.create(is_admin=True)
            assert (await admin.post(f"{path}/{state}", None)).status_code == 200
        return f"{path}/{action}"

    return locate


async def _invitations_path(scene: RightsScene) -> str:
    await scene.team.owner.create(f"{scene.team.path}/invitations", {"email": f"{uuid4().hex}@example.com"})
    return f"{scene.team.path}/invitations"


def _invitation_path(action: str = "", role: str = "member") -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        body = {"email": f"{uuid4().hex}@example.com", "role": role}
        invitation = await scene.team.owner.create(f"{scene.team.path}/invitations", body)
        return f"/invitations/{invitation['id']}{action}"

    return locate


def _own_invitation_path(action: str) -> LocateTarget:
    async def locate(scene: RightsScene) -> str:
        other = await scene.team.users.create("Other")
        project = await other.create_project()
        invitation = await other.create(f"/projects/{project['id']}/invitations", {"email": scene.actor.email})
        return f"/invitations/{invitation['id']}{action}"

    return locate


async def _own_token_path(scene: RightsScene) -> str:
    creator = scene.actor if scene.actor.token else scene.team.owner
    return f"/tokens/{(await creator.create('/tokens', _TOKEN))['id']}"


async def _other_user_token_path(scene: RightsScene) -> str:
    other = await scene.team.users.create("Somebody")
    return f"/tokens/{(await other.create('/tokens', _TOKEN))['id']}"


_TOKEN = {"name": "A script", "scopes": ["read"]}
_POST = {"title": "Changed", "content": "Changed"}
_PICTURE = {"file": ("dot.png", png(4, 4))}
_USER, _MEMBER = "/users/{id}", "/projects/{id}/members/{userId}"

ROWS = (
    RightsRow("GET", "/users", "all", _fixed_path("/users")),
    RightsRow(
        "POST",
        "/users",
        "sign-up",
        _fixed_path("/users"),
        {"name": "New", "email": "", "password": "a long secret"},
    ),
    RightsRow("GET", _USER, "a co-member", _other_user_path),
    RightsRow("GET", _USER, "the caller", _fixed_path("/users/me")),
    *(
        RightsRow(method, _USER, target, locate, {"name": "Changed"})
        for method in ("PUT", "PATCH")
        for target, locate in (("a co-member", _other_user_path), ("the caller", _fixed_path("/users/me")))
    ),
    RightsRow("DELETE", _USER, "a co-member", _other_user_path),
    RightsRow("DELETE", _USER, "the caller", _fixed_path("/users/me")),
    RightsRow("GET", "/users/{id}/posts", "a co-member's", _other_user_posts_path),
    *(
        RightsRow(method, f"/users/{{id}}/export{suffix}", target, locate, is_rest_only=True)
        for method, suffix in (("POST", ""), ("GET", ""), ("GET", "/content"))
        for target, locate in (
            ("a co-member's", _owner_export_path(suffix)),
            ("the caller's", _fixed_path(f"/users/me/export{suffix}")),
        )
    ),
    RightsRow("GET", "/sessions", "the caller's", _fixed_path("/sessions")),
    *(
        RightsRow(method, "/sessions/{id}", target, locate)
        for method in ("GET", "DELETE")
        for target, locate in (("the owner's", _owner_session_path), ("the caller's", _own_session_path))
    ),
    RightsRow("DELETE", "/sessions", "the caller's others", _fixed_path("/sessions?scope=others")),
    RightsRow("DELETE", "/sessions", "all of the caller", _fixed_path("/sessions")),
    *(
        RightsRow(method, path, "from another site", _fixed_path(path), is_rest_only=True)
        for method, path in (("POST", "/session"), ("POST", "/session/refresh"), ("DELETE", "/session"))
    ),
    RightsRow("GET", "/admin/people", "all", _fixed_path("/admin/people")),
    RightsRow("GET", "/admin/people/{id}", "a co-member", _person_path),
    RightsRow("POST", "/admin/people", "a new one", _fixed_path("/admin/people"), {"email": ""}),
    *(
        RightsRow("POST", f"/admin/people/{{id}}/{action}", "a co-member", _person_action_path(action, state))
        for action, state in (
            ("promote", ""),
            ("demote", "promote"),
            ("ban", ""),
            ("unban", "ban"),
            ("sign-out", ""),
            ("reset-password", ""),
        )
    ),
    RightsRow("DELETE", "/admin/people/{id}", "a co-member", _person_path),
    RightsRow("GET", "/tokens", "the caller's", _fixed_path("/tokens")),
    RightsRow("POST", "/tokens", "a new one", _fixed_path("/tokens"), _TOKEN, is_rest_only=True),
    *(
        RightsRow(method, "/tokens/{id}", target, locate)
        for method in ("GET", "DELETE")
        for target, locate in (("another user's", _other_user_token_path), ("the caller's", _own_token_path))
    ),
    RightsRow("GET", "/admin/jobs", "all", _fixed_path("/admin/jobs")),
    RightsRow("GET", "/admin/jobs/{id}", "the owner's", _job_path()),
    *(
        RightsRow("POST", f"/admin/jobs/{{id}}{action}", "the owner's", _job_path(action))
        for action in ("/retry", "/cancel")
    ),
    RightsRow("GET", "/posts", "all", _fixed_path("/posts")),
    RightsRow("POST", "/posts", "a new one", _fixed_path("/posts"), _POST),
    RightsRow("GET", "/posts/{id}", "the owner's", _owner_post_path),
    *(
        RightsRow(method, "/posts/{id}", target, locate, {"title": "Changed"})
        for method in ("PUT", "PATCH")
        for target, locate in (("the owner's", _owner_post_path), ("the caller's", _own_post_path))
    ),
    RightsRow("DELETE", "/posts/{id}", "the owner's", _owner_post_path),
    RightsRow("DELETE", "/posts/{id}", "the caller's", _own_post_path),
    RightsRow("GET", "/projects", "the caller's", _fixed_path("/projects")),
    RightsRow("POST", "/projects", "a new one", _fixed_path("/projects"), {"name": "New"}),
    RightsRow("GET", "/projects/{id}", "", _project_path),
    RightsRow("PUT", "/projects/{id}", "", _project_path, {"name": "Changed"}),
    RightsRow("PATCH", "/projects/{id}", "", _project_path, {"status": "archived"}),
    RightsRow("DELETE", "/projects/{id}", "", _project_path),
    RightsRow("GET", "/projects/{id}/members", "", _members_path),
    *(
        RightsRow("POST", "/projects/{id}/members", f"a new {role}", _members_path, {"role": role})
        for role in ("viewer", "member", "admin")
    ),
    RightsRow(
        "POST",
        "/projects/{id}/members",
        "an unknown address",
        _members_path,
        {"email": ""},
        # GraphQL refuses it, and has a mutation of its own for invitations.
        is_rest_only=True,
    ),
    RightsRow("GET", "/projects/{id}/invitations", "", _invitations_path),
    *(
        RightsRow("POST", "/projects/{id}/invitations", f"a new {role}", _invitations_path, {"email": "", "role": role})
        for role in ("viewer", "admin")
    ),
    RightsRow("GET", "/invitations", "of the caller's projects", _fixed_path("/invitations")),
    RightsRow("GET", "/invitations/{id}", "", _invitation_path()),
    *(
        RightsRow(method, f"/invitations/{{id}}{action}", f"of {role}", _invitation_path(action, role.split()[-1]))
        for method, action in (("POST", "/resend"), ("DELETE", ""))
        for role in ("a viewer", "an admin")
    ),
    *(
        RightsRow("POST", f"/invitations/{{id}}{action}", target, locate)
        for action in ("/accept", "/decline")
        for target, locate in (
            ("of another person", _invitation_path(action)),
            ("of the caller", _own_invitation_path(action)),
        )
    ),
    RightsRow("GET", _MEMBER, "the owner", _member_path("owner")),
    *(
        RightsRow(method, _MEMBER, f"{a} to {b}", _member_path(a.split()[-1]), {"role": b})
        for method, a, b in (
            ("PUT", "a viewer", "member"),
            ("PATCH", "a member", "viewer"),
            ("PUT", "a member", "admin"),
            ("PUT", "an admin", "member"),
            ("PUT", "a member", "owner"),
            ("PUT", "the owner", "member"),
            ("PUT", "the caller", "owner"),
        )
    ),
    *(
        RightsRow("DELETE", _MEMBER, role, _member_path(role.split()[-1]))
        for role in ("a viewer", "an admin", "the owner", "the caller")
    ),
    RightsRow("GET", "/projects/{id}/tasks", "", _tasks_path),
    RightsRow("POST", "/projects/{id}/tasks", "a new one", _tasks_path, {"title": "New"}),
    RightsRow("GET", "/tasks", "the caller's", _fixed_path("/tasks")),
    RightsRow("GET", "/tasks/{id}", "", _task_path),
    RightsRow("PUT", "/tasks/{id}", "its status", _task_path, {"status": "done"}),
    RightsRow("PATCH", "/tasks/{id}", "its assignee", _task_path, {"assigneeId": None}),
    RightsRow("DELETE", "/tasks/{id}", "", _task_path),
    RightsRow("GET", "/projects/{id}/files", "", _files_path),
    RightsRow("POST", "/projects/{id}/files", "a new one", _files_path, form=_PICTURE, is_rest_only=True),
    RightsRow("GET", "/files", "of the caller's projects", _fixed_path("/files")),
    RightsRow("GET", "/files/{id}", "", _file_path()),
    RightsRow("GET", "/files/{id}/content", "", _file_path("/content"), is_rest_only=True),
    RightsRow("GET", "/files/{id}/thumbnails/{size}", "", _thumbnail_path, is_rest_only=True),
    RightsRow("DELETE", "/files/{id}", "", _file_path()),
    *(
        RightsRow(method, "/users/{id}/avatar", target, locate, form=form, is_rest_only=True)
        for method, form in (("PUT", _PICTURE), ("DELETE", None))
        for target, locate in (
            ("a co-member's", _other_user_avatar_path),
            ("the caller's", _fixed_path("/users/me/avatar")),
        )
    ),
    RightsRow("GET", "/avatars/{hash}", "the owner's", _avatar_path, is_rest_only=True),
    RightsRow("GET", "/notifications", "the caller's", _fixed_path("/notifications")),
    RightsRow("GET", "/notifications/{id}", "a co-member's", _notification_path),
    RightsRow("GET", "/notifications/{id}", "the caller's", _own_notification_path),
    *(
        RightsRow(method, "/notifications/{id}", target, locate, {"read": True})
        for method in ("PUT", "PATCH")
        for target, locate in (("a co-member's", _notification_path), ("the caller's", _own_notification_path))
    ),
    RightsRow("POST", "/notifications/read-all", "the caller's", _fixed_path("/notifications/read-all")),
    RightsRow("GET", "/projects/{id}/activity", "", _activity_path),
    RightsRow("GET", "/activity", "of the caller's projects", _fixed_path("/activity")),
    RightsRow("GET", "/admin/analytics", "of the whole system", _fixed_path("/admin/analytics")),
    RightsRow("GET", "/admin/audit", "all", _fixed_path("/admin/audit")),
    RightsRow("GET", "/admin/audit/{id}", "of the owner", _audit_event_path),
)
