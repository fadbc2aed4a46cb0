"""What a question should be answered, worked out in Python over all rows: slow, and plain to see.

It knows who may see what from the contract, and shares nothing with the engine.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cmp_to_key
from typing import Any

from tests.laws.world import PRIORITIES, STATUSES, Row, Rows

MOST_ROWS = 50_000
EMBEDDED = 100
Meets = Callable[[Row, Row], bool]
RELATIONS: dict[str, dict[str, tuple[str, bool, Meets]]] = {
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
class Question:
    """A question in plain words: which rows, what of them, in which order."""

    plural: str
    path: str
    includes: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    filters: tuple[tuple[str, Any], ...] = ()
    sort: str = ""
    limit: int = 20
    parent: tuple[str, str] | None = None
    """The plural and the id of what the list hangs on."""
    key: tuple[str, ...] = field(default=())

    @property
    def params(self) -> dict[str, str]:
        """The query parameters that ask it."""
        found = {} if self.key else {"limit": str(self.limit), "count": "exact"}
        if self.includes:
            found["include"] = ",".join(self.includes)
        if self.fields is not None:
            found["fields"] = ",".join(self.fields)
        if self.sort:
            found["sort"] = self.sort
        for name, value in self.filters:
            found[name] = ",".join(value) if isinstance(value, list) else str(value)
        return found


def tree_of(paths: tuple[str, ...]) -> Tree:
    """Return dotted paths as a tree."""
    root: Tree = {}
    for path in paths:
        node = root
        for word in path.split("."):
            node = node.setdefault(word, {})
    return root


def cost(plural: str, tree: Tree, rows: int) -> int:
    """Return how many rows are asked for at most."""
    below = 0
    for name, inner in tree.items():
        target, is_many, _ = RELATIONS[plural][name]
        below += cost(target, inner, EMBEDDED if is_many else 1)
    return rows * (1 + below)


@dataclass(frozen=True)
class Asker:
    """Somebody, with the rows as they are: what they see."""

    id: str
    is_admin: bool
    rows: Rows

    def role(self, project: str) -> str | None:
        """Return what they are in a project."""
        mine = (
            row for row in self.rows["members"] if row["userId"] == self.id and row["projectId"] == project
        )
        return next((row["role"] for row in mine), None)

    def sees(self, plural: str, row: Row) -> bool:
        """Whether they see a row: people and posts are for all, the rest for who is in the project."""
        if plural in ("users", "posts") or self.is_admin:
            return True
        return self.role(row["id"] if plural == "projects" else row["projectId"]) is not None

    def seen(self, plural: str) -> list[Row]:
        """Return all rows they see."""
        return [row for row in self.rows[plural] if self.sees(plural, row)]

    def status(self, asked: Question) -> int:
        """Return the status of the answer."""
        if cost(asked.plural, tree_of(asked.includes), 1 if asked.key else asked.limit) > MOST_ROWS:
            return 400
        if asked.key:
            return (
                200 if any(_key(asked.plural, row) == asked.key for row in self.seen(asked.plural)) else 404
            )
        if asked.parent is None:
            return 200
        plural, key = asked.parent
        return 200 if any(row["id"] == key for row in self.seen(plural)) else 404

    def answer(self, asked: Question) -> list[Row]:
        """Return the rows of the answer, all pages of it."""
        found = [row for row in self.seen(asked.plural) if self._is_meant(asked, row)]
        fields = None if asked.fields is None else tree_of(asked.fields)
        tree = tree_of(asked.includes)
        return [
            self._shown(asked.plural, row, tree, fields) for row in ordered(asked.plural, found, asked.sort)
        ]

    def _is_meant(self, asked: Question, row: Row) -> bool:
        if asked.key:
            return _key(asked.plural, row) == asked.key
        if asked.parent is not None:
            column = {"projects": "projectId", "users": "authorId"}[asked.parent[0]]
            if row[column] != asked.parent[1]:
                return False
        return all(self._passes(row, name, value) for name, value in asked.filters)

    def _passes(self, row: Row, name: str, value: Any) -> bool:
        if name == "q":
            text = " ".join(row[one] for one in ("title", "name", "description") if row.get(one)).lower()
            return all(word.lower() in text for word in value.split())
        if name == "tag":
            return any(one in row["tags"] for one in value)
        if name == "dueBefore":
            return row["dueDate"] is not None and row["dueDate"] < value
        if name == "dueAfter":
            return row["dueDate"] is not None and row["dueDate"] >= value
        wanted = [self.id if one == "me" else one for one in value]
        return row["authorId" if name == "userId" else name] in wanted

    def _shown(self, plural: str, row: Row, tree: Tree, fields: Tree | None) -> Row:
        whole = dict(row)
        if plural == "users" and not self._sees_address(row["id"]):
            whole |= {"email": None, "emailVerified": None}
        if plural == "projects":
            whole["myRole"] = self.role(row["id"])
        shown = whole if fields is None else {name: value for name, value in whole.items() if name in fields}
        for name, below in tree.items():
            target, is_many, meets = RELATIONS[plural][name]
            inner = fields.get(name) or None if fields else None
            rows = ordered(target, [one for one in self.seen(target) if meets(row, one)], "")[:EMBEDDED]
            found = [self._shown(target, one, below, inner) for one in rows]
            shown[name] = found if is_many else (found[0] if found else None)
        return shown

    def _sees_address(self, person: str) -> bool:
        theirs = {row["projectId"] for row in self.rows["members"] if row["userId"] == person}
        return self.is_admin or person == self.id or any(self.role(project) for project in theirs)


def ordered(plural: str, rows: list[Row], sort: str) -> list[Row]:
    """Return rows in their order: nulls last both ways, ties by key."""
    sort = sort or ("-joinedAt" if plural == "members" else "-createdAt")
    name, sign = sort.removeprefix("-"), -1 if sort.startswith("-") else 1
    ranks = RANKS.get((plural, name))

    def compare(one: Row, other: Row) -> int:
        left, right = one[name], other[name]
        if left is None or right is None:
            if left is not right:
                return 1 if left is None else -1
            left = right = ""
        elif ranks is not None:
            left, right = ranks.index(left), ranks.index(right)
        return sign * _before((left, *_key(plural, one)), (right, *_key(plural, other)))

    return sorted(rows, key=cmp_to_key(compare))


def _before(left: tuple[Any, ...], right: tuple[Any, ...]) -> int:
    return (left > right) - (left < right)


def _key(plural: str, row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in KEYS.get(plural, ("id",)))
