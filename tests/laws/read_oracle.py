"""Test oracle for reads: the expected response, computed in plain Python over all rows.

It implements the rights of the contract and shares no code with the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from tests.laws.dataset import PRIORITIES, STATUSES, Row, Rows

MAX_ROWS = 50_000
MAX_EMBEDDED_ROWS = 100
IsRelated = Callable[[Row, Row], bool]
RELATIONS: dict[str, dict[str, tuple[str, bool, IsRelated]]] = {
    "users": {
        "posts": ("posts", True, lambda user, post: bool(post["authorId"] == user["id"])),
        "ownedProjects": ("projects", True, lambda user, project: bool(project["ownerId"] == user["id"])),
        "memberships": ("members", True, lambda user, member: bool(member["userId"] == user["id"])),
        "assignedTasks": ("tasks", True, lambda user, task: bool(task["assigneeId"] == user["id"])),
    },
    "posts": {"author": ("users", False, lambda post, user: bool(post["authorId"] == user["id"]))},
    "projects": {
        "owner": ("users", False, lambda project, user: bool(project["ownerId"] == user["id"])),
        "members": ("members", True, lambda project, member: bool(member["projectId"] == project["id"])),
        "tasks": ("tasks", True, lambda project, task: bool(task["projectId"] == project["id"])),
    },
    "members": {
        "project": ("projects", False, lambda member, project: bool(member["projectId"] == project["id"])),
        "user": ("users", False, lambda member, user: bool(member["userId"] == user["id"])),
    },
    "tasks": {
        "project": ("projects", False, lambda task, project: bool(task["projectId"] == project["id"])),
        "assignee": ("users", False, lambda task, user: bool(task["assigneeId"] == user["id"])),
    },
}
KEYS = {"members": ("projectId", "userId")}
RANKS = {
    ("tasks", "status"): STATUSES,
    ("tasks", "priority"): PRIORITIES,
    ("projects", "status"): ("active", "archived"),
    ("members", "role"): ("viewer", "member", "admin", "owner"),
}
Tree = dict[str, "Tree"]


@dataclass(frozen=True)
class ReadRequest:
    """A read request: which rows, which fields and relations of them, in which order."""

    plural: str
    path: str
    includes: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    filters: tuple[tuple[str, Any], ...] = ()
    sort: str = ""
    limit: int = 20
    parent: tuple[str, str] | None = None
    """The plural and the id of the parent of a nested list."""
    key: tuple[str, ...] = field(default=())

    @property
    def params(self) -> dict[str, str]:
        """The query parameters of the request."""
        params = {} if self.key else {"limit": str(self.limit), "count": "exact"}
        if self.includes:
            params["include"] = ",".join(self.includes)
        if self.fields is not None:
            params["fields"] = ",".join(self.fields)
        if self.sort:
            params["sort"] = self.sort
        for name, value in self.filters:
            params[name] = ",".join(value) if isinstance(value, list) else str(value)
        return params


def path_tree(paths: tuple[str, ...]) -> Tree:
    """Return dotted paths as a tree."""
    root: Tree = {}
    for path in paths:
        node = root
        for name in path.split("."):
            node = node.setdefault(name, {})
    return root


def max_row_count(plural: str, tree: Tree, rows: int) -> int:
    """Return the maximum number of rows in the response."""
    embedded = 0
    for name, inner in tree.items():
        target, is_many, _ = RELATIONS[plural][name]
        embedded += max_row_count(target, inner, MAX_EMBEDDED_ROWS if is_many else 1)
    return rows * (1 + embedded)


@dataclass(frozen=True)
class ReadOracle:
    """Computes what a user sees of the rows."""

    id: str
    is_admin: bool
    rows: Rows

    def role(self, project: str) -> str | None:
        """Return the role of the user in a project."""
        memberships = (row for row in self.rows["members"] if row["userId"] == self.id and row["projectId"] == project)
        return next((row["role"] for row in memberships), None)

    def can_see(self, plural: str, row: Row) -> bool:
        """Whether the user can see a row: all users and posts, the rest as a member of the project."""
        if plural in ("users", "posts") or self.is_admin:
            return True
        return self.role(row["id"] if plural == "projects" else row["projectId"]) is not None

    def visible_rows(self, plural: str) -> list[Row]:
        """Return all rows of a resource that the user can see."""
        return [row for row in self.rows[plural] if self.can_see(plural, row)]

    def status(self, request: ReadRequest) -> int:
        """Return the expected HTTP status."""
        if max_row_count(request.plural, path_tree(request.includes), 1 if request.key else request.limit) > MAX_ROWS:
            return 400
        if request.key:
            return (
                200
                if any(_key(request.plural, row) == request.key for row in self.visible_rows(request.plural))
                else 404
            )
        if request.parent is None:
            return 200
        plural, key = request.parent
        return 200 if any(row["id"] == key for row in self.visible_rows(plural)) else 404

    def expected_rows(self, request: ReadRequest) -> list[Row]:
        """Return the expected rows of all pages."""
        rows = [row for row in self.visible_rows(request.plural) if self._matches(request, row)]
        fields = None if request.fields is None else path_tree(request.fields)
        tree = path_tree(request.includes)
        return [
            self._visible_fields(request.plural, row, tree, fields)
            for row in sort_rows(request.plural, rows, request.sort)
        ]

    def _matches(self, request: ReadRequest, row: Row) -> bool:
        if request.key:
            return _key(request.plural, row) == request.key
        if request.parent is not None:
            column = {"projects": "projectId", "users": "authorId"}[request.parent[0]]
            if row[column] != request.parent[1]:
                return False
        return all(self._passes_filter(row, name, value) for name, value in request.filters)

    def _passes_filter(self, row: Row, name: str, value: Any) -> bool:
        if name == "q":
            text = " ".join(row[field] for field in ("title", "name", "description") if row.get(field)).lower()
            return all(word.lower() in text for word in value.split())
        if name == "tag":
            return any(tag in row["tags"] for tag in value)
        if name == "dueBefore":
            return row["dueDate"] is not None and row["dueDate"] < value
        if name == "dueAfter":
            return row["dueDate"] is not None and row["dueDate"] >= value
        accepted = [self.id if choice == "me" else choice for choice in value]
        return row["authorId" if name == "userId" else name] in accepted

    def _visible_fields(self, plural: str, row: Row, tree: Tree, fields: Tree | None) -> Row:
        all_fields = dict(row)
        if plural == "users" and not self._can_see_email(row["id"]):
            all_fields |= {"email": None, "emailVerified": None}
        if plural == "projects":
            all_fields["myRole"] = self.role(row["id"])
        selected = (
            all_fields if fields is None else {name: value for name, value in all_fields.items() if name in fields}
        )
        for name, nested in tree.items():
            target, is_many, is_related = RELATIONS[plural][name]
            nested_fields = fields.get(name) or None if fields else None
            visible = [other for other in self.visible_rows(target) if is_related(row, other)]
            rows = sort_rows(target, visible, "")[:MAX_EMBEDDED_ROWS]
            related = [self._visible_fields(target, other, nested, nested_fields) for other in rows]
            selected[name] = related if is_many else (related[0] if related else None)
        return selected

    def _can_see_email(self, user_id: str) -> bool:
        project_ids = {row["projectId"] for row in self.rows["members"] if row["userId"] == user_id}
        return self.is_admin or user_id == self.id or any(self.role(project) for project in project_ids)


def sort_rows(plural: str, rows: list[Row], sort: str) -> list[Row]:
    """Sort rows: nulls last in both directions, ties by primary key."""
    sort = sort or ("-joinedAt" if plural == "members" else "-createdAt")
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    ranks = RANKS.get((plural, name))

    def compare(first: Row, second: Row) -> int:
        left, right = first[name], second[name]
        if left is None or right is None:
            if left is not right:
                return 1 if left is None else -1
            left = right = ""
        elif ranks is not None:
            left, right = ranks.index(left), ranks.index(right)
        return sign * _compare((left, *_key(plural, first)), (right, *_key(plural, second)))

    return sorted(rows, key=cmp_to_key(compare))


def _compare(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    return (left > right) - (left < right)


def _key(plural: str, row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS.get(plural, ("id",)))
