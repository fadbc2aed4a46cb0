"""What a deed should come to, worked out in Python from the table of rights: the status, and the rows after.

It shares nothing with the engine and its policies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.laws.world import Row, Rows

PLAIN = ("viewer", "member")


@dataclass(frozen=True)
class Deed:
    """Something that somebody does: the verb and noun, the address, and what is sent."""

    kind: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    params: dict[str, str] = field(default_factory=dict)
    target: tuple[str, ...] = ()
    """The id in the address; of a member the project's and the person's."""


@dataclass(frozen=True)
class Judge:
    """Judges what one person does to the rows, and does it to them; `own_id` is what a create gets."""

    person: str
    is_admin: bool
    rows: Rows
    own_id: str = ""

    def judged(self, deed: Deed) -> int:
        """Return the status of the answer, and change the rows as the deed does."""
        if self.find("users", self.person) is None:
            return 401
        judge: Callable[[Deed], int] = getattr(self, deed.kind)
        return judge(deed)

    def find(self, plural: str, key: str) -> Row | None:
        """Return a row by its id."""
        return next((row for row in self.rows[plural] if row["id"] == key), None)

    def member(self, project: str, person: str) -> Row | None:
        """Return somebody's membership."""
        rows = self.rows["members"]
        return next((one for one in rows if (one["projectId"], one["userId"]) == (project, person)), None)

    def role(self, project: str) -> str | None:
        """Return as what the person acts in a project: an admin as its owner."""
        if self.find("projects", project) is None:
            return None
        mine = self.member(project, self.person)
        return "owner" if self.is_admin else (None if mine is None else str(mine["role"]))

    def is_active(self, project: str) -> bool:
        """Whether a project is worked on."""
        found = self.find("projects", project)
        return found is not None and found["status"] == "active"

    def create_post(self, deed: Deed) -> int:
        """Everybody writes posts of their own."""
        self.rows["posts"].append({"id": self.own_id, "authorId": self.person, **(deed.body or {})})
        return 201

    def update_post(self, deed: Deed) -> int:
        """Authors change their posts."""
        return self._own("posts", "authorId", deed)

    def delete_post(self, deed: Deed) -> int:
        """Authors delete their posts."""
        return self._own("posts", "authorId", deed)

    def update_user(self, deed: Deed) -> int:
        """People change themselves."""
        return self._own("users", "id", deed)

    def _own(self, plural: str, whose: str, deed: Deed) -> int:
        row = self.find(plural, deed.target[0])
        if row is None:
            return 404
        if row[whose] != self.person and not self.is_admin:
            return 403
        if deed.body is None:
            self.rows[plural].remove(row)
            return 204
        row |= deed.body
        return 200

    def delete_user(self, deed: Deed) -> int:
        """People delete themselves, but not what others work in, unless they say so."""
        person = deed.target[0]
        if self.find("users", person) is None:
            return 404
        if person != self.person and not self.is_admin:
            return 403
        owned = [one["id"] for one in self.rows["projects"] if one["ownerId"] == person]
        shared = [one for one in self.rows["members"] if one["projectId"] in owned]
        if any(one["userId"] != person for one in shared) and "cascade" not in deed.params:
            return 409
        for project in owned:
            self._without_project(project)
        self.rows["users"] = [one for one in self.rows["users"] if one["id"] != person]
        self.rows["posts"] = [one for one in self.rows["posts"] if one["authorId"] != person]
        for project in [one["projectId"] for one in self.rows["members"] if one["userId"] == person]:
            self._leave(project, person)
        return 204

    def create_project(self, deed: Deed) -> int:
        """Everybody makes projects of their own, and is in them."""
        made = {"id": self.own_id, "description": None, "ownerId": self.person, "status": "active"}
        self.rows["projects"].append({**made, **(deed.body or {})})
        self.rows["members"].append({"projectId": self.own_id, "userId": self.person, "role": "owner"})
        return 201

    def update_project(self, deed: Deed) -> int:
        """Owners and admins change a project; of an archived one only the status."""
        project, body = self.find("projects", deed.target[0]), deed.body or {}
        role = self.role(deed.target[0])
        if project is None or role is None:
            return 404
        if role not in ("admin", "owner"):
            return 403
        changes = {name for name, value in body.items() if project[name] != value}
        if project["status"] == "archived" and changes and "status" not in changes:
            return 403
        project |= body
        return 200

    def delete_project(self, deed: Deed) -> int:
        """Owners delete their project."""
        role = self.role(deed.target[0])
        if role is None:
            return 404
        if role != "owner":
            return 403
        self._without_project(deed.target[0])
        return 204

    def create_member(self, deed: Deed) -> int:
        """Owners and admins add members, owners also admins."""
        project, body = deed.target[0], deed.body or {}
        role = self.role(project)
        if role is None:
            return 404
        may = role == "owner" or (role == "admin" and body["role"] in PLAIN)
        if not may or not self.is_active(project):
            return 403
        if self.find("users", body["userId"]) is None:
            return 422
        if self.member(project, body["userId"]) is not None:
            return 409
        self.rows["members"].append({"projectId": project, **body})
        return 201

    def update_member(self, deed: Deed) -> int:
        """Owners and admins change viewer and member, owners all; a new owner takes over."""
        project, person = deed.target
        wanted = (deed.body or {})["role"]
        role, target = self.role(project), self.member(project, person)
        if role is None or target is None:
            return 404
        may = role == "owner" or (role == "admin" and target["role"] in PLAIN and wanted in PLAIN)
        if not may or not self.is_active(project):
            return 403
        if target["role"] == "owner" and wanted != "owner":
            return 409
        if wanted == "owner":
            for one in self.rows["members"]:
                if one["projectId"] == project and one["role"] == "owner":
                    one["role"] = "admin"
            for found in self.rows["projects"]:
                if found["id"] == project:
                    found["ownerId"] = person
        target["role"] = wanted
        return 200

    def delete_member(self, deed: Deed) -> int:
        """Everybody leaves but the owner; owners and admins remove, only owners an admin."""
        project, person = deed.target
        role, target = self.role(project), self.member(project, person)
        if role is None or target is None:
            return 404
        may = role == "owner" or (role == "admin" and target["role"] in PLAIN)
        if person != self.person and not (may and self.is_active(project)):
            return 403
        if target["role"] == "owner":
            return 409
        self._leave(project, person)
        return 204

    def create_task(self, deed: Deed) -> int:
        """Members add tasks to active projects; an assignee is a member too."""
        project, body = deed.target[0], deed.body or {}
        role = self.role(project)
        if role is None:
            return 404
        if role == "viewer" or not self.is_active(project):
            return 403
        if body.get("assigneeId") and self.member(project, body["assigneeId"]) is None:
            return 422
        plain = {"description": None, "status": "todo", "priority": "medium", "assigneeId": None}
        made: Row = {"id": self.own_id, "projectId": project, **plain, "dueDate": None}
        self.rows["tasks"].append({**made, **body})
        return 201

    def update_task(self, deed: Deed) -> int:
        """Members change tasks of active projects, assignees theirs, but not who does it."""
        task, body = self.find("tasks", deed.target[0]), deed.body or {}
        role = None if task is None else self.role(task["projectId"])
        if task is None or role is None:
            return 404
        project = task["projectId"]
        hands_on = body.get("assigneeId", self.person) != self.person
        if not self.is_active(project) or (
            role == "viewer" and (task["assigneeId"] != self.person or hands_on)
        ):
            return 403
        if body.get("assigneeId") and self.member(project, body["assigneeId"]) is None:
            return 422
        task |= body
        return 200

    def delete_task(self, deed: Deed) -> int:
        """Members delete tasks of active projects."""
        task = self.find("tasks", deed.target[0])
        role = None if task is None else self.role(task["projectId"])
        if task is None or role is None:
            return 404
        if role == "viewer" or not self.is_active(task["projectId"]):
            return 403
        self.rows["tasks"].remove(task)
        return 204

    def _without_project(self, project: str) -> None:
        self.rows["projects"] = [one for one in self.rows["projects"] if one["id"] != project]
        for plural in ("members", "tasks"):
            self.rows[plural] = [one for one in self.rows[plural] if one["projectId"] != project]

    def _leave(self, project: str, person: str) -> None:
        self.rows["members"] = [
            one for one in self.rows["members"] if (one["projectId"], one["userId"]) != (project, person)
        ]
        for task in self.rows["tasks"]:
            if (task["projectId"], task["assigneeId"]) == (project, person):
                task["assigneeId"] = None
