"""Test oracle for writes: the expected status and the rows after, computed in plain Python from the rights table.

It shares nothing with the engine and its policies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.laws.dataset import Row, Rows

BASIC_ROLES = ("viewer", "member")


@dataclass(frozen=True)
class WriteRequest:
    """A write request: its verb and resource, method, path and body."""

    kind: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    params: dict[str, str] = field(default_factory=dict)
    target: tuple[str, ...] = ()
    """The ids in the path; of a member, those of the project and the user."""


@dataclass(frozen=True)
class WriteOracle:
    """Applies a user's write requests to rows; `new_id` is the id of a created row."""

    user_id: str
    is_admin: bool
    rows: Rows
    new_id: str = ""

    def apply(self, request: WriteRequest) -> int:
        """Apply a request to the rows and return its status."""
        if self.find("users", self.user_id) is None:
            return 401
        apply_kind: Callable[[WriteRequest], int] = getattr(self, request.kind)
        return apply_kind(request)

    def find(self, plural: str, key: str) -> Row | None:
        """Return a row by its id."""
        return next((row for row in self.rows[plural] if row["id"] == key), None)

    def member(self, project: str, user_id: str) -> Row | None:
        """Return the membership of a user in a project."""
        rows = self.rows["members"]
        return next((row for row in rows if (row["projectId"], row["userId"]) == (project, user_id)), None)

    def role(self, project: str) -> str | None:
        """Return the effective role of the user in a project; system admins have the rights of the owner."""
        if self.find("projects", project) is None:
            return None
        membership = self.member(project, self.user_id)
        return "owner" if self.is_admin else (None if membership is None else str(membership["role"]))

    def is_active(self, project: str) -> bool:
        """Whether a project is active."""
        row = self.find("projects", project)
        return row is not None and row["status"] == "active"

    def create_post(self, request: WriteRequest) -> int:
        """Every user can create posts."""
        self.rows["posts"].append({"id": self.new_id, "authorId": self.user_id, **(request.body or {})})
        return 201

    def update_post(self, request: WriteRequest) -> int:
        """Authors can update their posts."""
        return self._write_own_row("posts", "authorId", request)

    def delete_post(self, request: WriteRequest) -> int:
        """Authors can delete their posts."""
        return self._write_own_row("posts", "authorId", request)

    def update_user(self, request: WriteRequest) -> int:
        """Users can update themselves."""
        return self._write_own_row("users", "id", request)

    def _write_own_row(self, plural: str, owner_field: str, request: WriteRequest) -> int:
        row = self.find(plural, request.target[0])
        if row is None:
            return 404
        if row[owner_field] != self.user_id and not self.is_admin:
            return 403
        if request.body is None:
            self.rows[plural].remove(row)
            return 204
        row |= request.body
        return 200

    def delete_user(self, request: WriteRequest) -> int:
        """Users can delete themselves; with shared projects only if they pass `cascade`."""
        user_id = request.target[0]
        if self.find("users", user_id) is None:
            return 404
        if user_id != self.user_id and not self.is_admin:
            return 403
        owned = [project["id"] for project in self.rows["projects"] if project["ownerId"] == user_id]
        memberships = [member for member in self.rows["members"] if member["projectId"] in owned]
        if any(member["userId"] != user_id for member in memberships) and "cascade" not in request.params:
            return 409
        for project in owned:
            self._remove_project(project)
        self.rows["users"] = [user for user in self.rows["users"] if user["id"] != user_id]
        self.rows["posts"] = [post for post in self.rows["posts"] if post["authorId"] != user_id]
        for project in [member["projectId"] for member in self.rows["members"] if member["userId"] == user_id]:
            self._remove_member(project, user_id)
        return 204

    def create_project(self, request: WriteRequest) -> int:
        """Every user can create projects, and is a member of them as owner."""
        project = {"id": self.new_id, "description": None, "ownerId": self.user_id, "status": "active"}
        self.rows["projects"].append({**project, **(request.body or {})})
        self.rows["members"].append({"projectId": self.new_id, "userId": self.user_id, "role": "owner"})
        return 201

    def update_project(self, request: WriteRequest) -> int:
        """Owners and admins can update a project; if it is archived, only its status."""
        project, body = self.find("projects", request.target[0]), request.body or {}
        role = self.role(request.target[0])
        if project is None or role is None:
            return 404
        if role not in ("admin", "owner"):
            return 403
        changes = {name for name, value in body.items() if project[name] != value}
        if project["status"] == "archived" and changes and "status" not in changes:
            return 403
        project |= body
        return 200

    def delete_project(self, request: WriteRequest) -> int:
        """Owners can delete their project."""
        role = self.role(request.target[0])
        if role is None:
            return 404
        if role != "owner":
            return 403
        self._remove_project(request.target[0])
        return 204

    def create_member(self, request: WriteRequest) -> int:
        """Owners and admins can add members, owners also admins."""
        project, body = request.target[0], request.body or {}
        role = self.role(project)
        if role is None:
            return 404
        is_allowed = role == "owner" or (role == "admin" and body["role"] in BASIC_ROLES)
        if not is_allowed or not self.is_active(project):
            return 403
        if self.find("users", body["userId"]) is None:
            return 422
        if self.member(project, body["userId"]) is not None:
            return 409
        self.rows["members"].append({"projectId": project, **body})
        return 201

    def update_member(self, request: WriteRequest) -> int:
        """Admins can change viewers and members, owners every member; a new owner replaces the former."""
        project, user_id = request.target
        new_role = (request.body or {})["role"]
        role, target = self.role(project), self.member(project, user_id)
        if role is None or target is None:
            return 404
        is_allowed = role == "owner" or (role == "admin" and target["role"] in BASIC_ROLES and new_role in BASIC_ROLES)
        if not is_allowed or not self.is_active(project):
            return 403
        if target["role"] == "owner" and new_role != "owner":
            return 409
        if new_role == "owner":
            for member in self.rows["members"]:
                if member["projectId"] == project and member["role"] == "owner":
                    member["role"] = "admin"
            for row in self.rows["projects"]:
                if row["id"] == project:
                    row["ownerId"] = user_id
        target["role"] = new_role
        return 200

    def delete_member(self, request: WriteRequest) -> int:
        """Every member but the owner can leave; admins can remove viewers and members, owners also admins."""
        project, user_id = request.target
        role, target = self.role(project), self.member(project, user_id)
        if role is None or target is None:
            return 404
        is_allowed = role == "owner" or (role == "admin" and target["role"] in BASIC_ROLES)
        if user_id != self.user_id and not (is_allowed and self.is_active(project)):
            return 403
        if target["role"] == "owner":
            return 409
        self._remove_member(project, user_id)
        return 204

    def create_task(self, request: WriteRequest) -> int:
        """Members can create tasks in active projects; the assignee must be a member."""
        project, body = request.target[0], request.body or {}
        role = self.role(project)
        if role is None:
            return 404
        if role == "viewer" or not self.is_active(project):
            return 403
        if body.get("assigneeId") and self.member(project, body["assigneeId"]) is None:
            return 422
        defaults = {"description": None, "status": "todo", "priority": "medium", "assigneeId": None}
        task: Row = {"id": self.new_id, "projectId": project, **defaults, "dueDate": None}
        self.rows["tasks"].append({**task, **body})
        return 201

    def update_task(self, request: WriteRequest) -> int:
        """Members can update tasks of active projects; assigned viewers theirs, but not the assignee."""
        task, body = self.find("tasks", request.target[0]), request.body or {}
        role = None if task is None else self.role(task["projectId"])
        if task is None or role is None:
            return 404
        project = task["projectId"]
        reassigns = body.get("assigneeId", self.user_id) != self.user_id
        if not self.is_active(project) or (role == "viewer" and (task["assigneeId"] != self.user_id or reassigns)):
            return 403
        if body.get("assigneeId") and self.member(project, body["assigneeId"]) is None:
            return 422
        task |= body
        return 200

    def delete_task(self, request: WriteRequest) -> int:
        """Members can delete tasks of active projects."""
        task = self.find("tasks", request.target[0])
        role = None if task is None else self.role(task["projectId"])
        if task is None or role is None:
            return 404
        if role == "viewer" or not self.is_active(task["projectId"]):
            return 403
        self.rows["tasks"].remove(task)
        return 204

    def _remove_project(self, project: str) -> None:
        self.rows["projects"] = [row for row in self.rows["projects"] if row["id"] != project]
        for plural in ("members", "tasks"):
            self.rows[plural] = [row for row in self.rows[plural] if row["projectId"] != project]

    def _remove_member(self, project: str, user_id: str) -> None:
        self.rows["members"] = [
            row for row in self.rows["members"] if (row["projectId"], row["userId"]) != (project, user_id)
        ]
        for task in self.rows["tasks"]:
            if (task["projectId"], task["assigneeId"]) == (project, user_id):
                task["assigneeId"] = None
