"""Hypothesis strategies for write requests: any actor, any verb, any target, also of others or missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.laws.dataset import Rows
from tests.laws.write_oracle import WriteRequest

ABSENT = str(UUID(int=7))
ROLES = ("viewer", "member", "admin")
TARGET_RESOURCES = {
    "create_post": "posts",
    "update_post": "posts",
    "delete_post": "posts",
    "update_user": "users",
    "delete_user": "users",
    "create_project": "projects",
    "update_project": "projects",
    "delete_project": "projects",
    "create_member": "projects",
    "update_member": "members",
    "delete_member": "members",
    "create_task": "projects",
    "update_task": "tasks",
    "delete_task": "tasks",
}
FREQUENT = ("update_project", "create_member", "update_member", "delete_member", "create_task", "update_task")


@dataclass(frozen=True)
class DrawnWrite:
    """A write request drawn before the rows exist: the actor and the target are numbers."""

    kind: str
    actor_index: int
    row_index: int
    other_index: int
    values: dict[str, str]
    role: str
    cascades: bool
    assigns: bool


def drawn_writes() -> st.SearchStrategy[DrawnWrite]:
    """Draw a write request."""
    values = {"title": st.sampled_from(["a", "b"]), "name": st.sampled_from(["a", "b"])}
    values["status"] = st.sampled_from(["todo", "done", "active", "archived"])
    return st.builds(
        DrawnWrite,
        kind=st.sampled_from([*TARGET_RESOURCES, *FREQUENT, *FREQUENT]),
        actor_index=st.integers(0, 5),
        row_index=st.integers(0, 99),
        other_index=st.integers(0, 5),
        values=st.fixed_dictionaries({}, optional=values),
        role=st.sampled_from([*ROLES, "owner"]),
        cascades=st.booleans(),
        assigns=st.booleans(),
    )


def resolve_write(drawn: DrawnWrite, rows: Rows, user_ids: list[str]) -> WriteRequest:
    """Return the request with ids of existing rows, or of a missing one."""
    plural = TARGET_RESOURCES[drawn.kind]
    row = rows[plural][drawn.row_index % len(rows[plural])] if rows[plural] and drawn.row_index < 95 else {}
    target: tuple[str, ...] = (row.get("id", ABSENT),)
    if plural == "members":
        target = (row.get("projectId", ABSENT), row.get("userId", user_ids[0]))
    other_id = [*user_ids, ABSENT][drawn.other_index]
    return _BUILDERS[drawn.kind](drawn, target, other_id)


def _create_post(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    body = {"title": drawn.values.get("title", "x"), "content": "y"}
    return WriteRequest(drawn.kind, "POST", "/posts", body)


def _update_post(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    return WriteRequest(drawn.kind, "PUT", f"/posts/{target[0]}", _chosen_values(drawn, "title"), target=target)


def _update_user(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    return WriteRequest(drawn.kind, "PUT", f"/users/{target[0]}", _chosen_values(drawn, "name"), target=target)


def _delete_user(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    params = {"cascade": "true"} if drawn.cascades else {}
    return WriteRequest(drawn.kind, "DELETE", f"/users/{target[0]}", params=params, target=target)


def _create_project(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    return WriteRequest(drawn.kind, "POST", "/projects", {"name": "x", **_chosen_values(drawn, "name")})


def _update_project(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    body = _chosen_values(drawn, "name")
    if drawn.values.get("status") in ("active", "archived"):
        body["status"] = drawn.values["status"]
    return WriteRequest(drawn.kind, "PUT", f"/projects/{target[0]}", body, target=target)


def _create_member(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    role = drawn.role if drawn.role in ROLES else "member"
    body = {"userId": other_id, "role": role}
    return WriteRequest(drawn.kind, "POST", f"/projects/{target[0]}/members", body, target=target)


def _update_member(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    path = f"/projects/{target[0]}/members/{target[1]}"
    return WriteRequest(drawn.kind, "PUT", path, {"role": drawn.role}, target=target)


def _create_task(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    body = {"title": "x", **_task_body(drawn, other_id)}
    return WriteRequest(drawn.kind, "POST", f"/projects/{target[0]}/tasks", body, target=target)


def _update_task(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    return WriteRequest(drawn.kind, "PUT", f"/tasks/{target[0]}", _task_body(drawn, other_id), target=target)


def _delete(drawn: DrawnWrite, target: tuple[str, ...], other_id: str) -> WriteRequest:
    path = f"/projects/{target[0]}/members/{target[1]}" if drawn.kind == "delete_member" else ""
    return WriteRequest(drawn.kind, "DELETE", path or f"/{TARGET_RESOURCES[drawn.kind]}/{target[0]}", target=target)


def _task_body(drawn: DrawnWrite, assignee_id: str) -> dict[str, Any]:
    body: dict[str, Any] = _chosen_values(drawn, "title")
    if drawn.values.get("status") in ("todo", "done"):
        body["status"] = drawn.values["status"]
    if drawn.assigns:
        body["assigneeId"] = None if drawn.cascades else assignee_id
    return body


def _chosen_values(drawn: DrawnWrite, *names: str) -> dict[str, Any]:
    return {name: drawn.values[name] for name in names if name in drawn.values}


_BUILDERS = {
    "create_post": _create_post,
    "update_post": _update_post,
    "delete_post": _delete,
    "update_user": _update_user,
    "delete_user": _delete_user,
    "create_project": _create_project,
    "update_project": _update_project,
    "delete_project": _delete,
    "create_member": _create_member,
    "update_member": _update_member,
    "delete_member": _delete,
    "create_task": _create_task,
    "update_task": _update_task,
    "delete_task": _delete,
}
