"""Deeds at random: anybody does any verb to anything, theirs, foreign or absent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

from tests.laws.judge import Deed
from tests.laws.world import Rows

ABSENT = str(UUID(int=7))
ROLES = ("viewer", "member", "admin")
KINDS = {
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
OFTEN = ("update_project", "create_member", "update_member", "delete_member", "create_task", "update_task")


@dataclass(frozen=True)
class Drawn:
    """A deed before there are rows: who does it, and to which of them, by number."""

    kind: str
    who: int
    what: int
    other: int
    words: dict[str, str]
    role: str
    cascades: bool
    assigns: bool


def drawn() -> st.SearchStrategy[Drawn]:
    """Draw a deed."""
    words = {"title": st.sampled_from(["a", "b"]), "name": st.sampled_from(["a", "b"])}
    words["status"] = st.sampled_from(["todo", "done", "active", "archived"])
    return st.builds(
        Drawn,
        kind=st.sampled_from([*KINDS, *OFTEN, *OFTEN]),
        who=st.integers(0, 5),
        what=st.integers(0, 99),
        other=st.integers(0, 5),
        words=st.fixed_dictionaries({}, optional=words),
        role=st.sampled_from([*ROLES, "owner"]),
        cascades=st.booleans(),
        assigns=st.booleans(),
    )


def settled(one: Drawn, rows: Rows, everybody: list[str]) -> Deed:
    """Return the deed, done to the rows there are."""
    plural = KINDS[one.kind]
    found = rows[plural][one.what % len(rows[plural])] if rows[plural] and one.what < 95 else {}
    target: tuple[str, ...] = (found.get("id", ABSENT),)
    if plural == "members":
        target = (found.get("projectId", ABSENT), found.get("userId", everybody[0]))
    other = [*everybody, ABSENT][one.other]
    return _DOING[one.kind](one, target, other)


def _create_post(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    body = {"title": one.words.get("title", "x"), "content": "y"}
    return Deed(one.kind, "POST", "/posts", body)


def _update_post(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    return Deed(one.kind, "PUT", f"/posts/{target[0]}", _some(one, "title"), target=target)


def _update_user(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    return Deed(one.kind, "PUT", f"/users/{target[0]}", _some(one, "name"), target=target)


def _delete_user(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    params = {"cascade": "true"} if one.cascades else {}
    return Deed(one.kind, "DELETE", f"/users/{target[0]}", params=params, target=target)


def _create_project(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    return Deed(one.kind, "POST", "/projects", {"name": "x", **_some(one, "name")})


def _update_project(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    body = _some(one, "name")
    if one.words.get("status") in ("active", "archived"):
        body["status"] = one.words["status"]
    return Deed(one.kind, "PUT", f"/projects/{target[0]}", body, target=target)


def _create_member(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    role = one.role if one.role in ROLES else "member"
    body = {"userId": other, "role": role}
    return Deed(one.kind, "POST", f"/projects/{target[0]}/members", body, target=target)


def _update_member(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    path = f"/projects/{target[0]}/members/{target[1]}"
    return Deed(one.kind, "PUT", path, {"role": one.role}, target=target)


def _create_task(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    body = {"title": "x", **_task(one, other)}
    return Deed(one.kind, "POST", f"/projects/{target[0]}/tasks", body, target=target)


def _update_task(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    return Deed(one.kind, "PUT", f"/tasks/{target[0]}", _task(one, other), target=target)


def _delete(one: Drawn, target: tuple[str, ...], other: str) -> Deed:
    path = f"/projects/{target[0]}/members/{target[1]}" if one.kind == "delete_member" else ""
    return Deed(one.kind, "DELETE", path or f"/{KINDS[one.kind]}/{target[0]}", target=target)


def _task(one: Drawn, other: str) -> dict[str, Any]:
    body: dict[str, Any] = _some(one, "title")
    if one.words.get("status") in ("todo", "done"):
        body["status"] = one.words["status"]
    if one.assigns:
        body["assigneeId"] = None if one.cascades else other
    return body


def _some(one: Drawn, *names: str) -> dict[str, Any]:
    return {name: one.words[name] for name in names if name in one.words}


_DOING = {
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
