"""GraphQL as graphql-core's own executor answers it: plain resolvers over the rows that REST shows somebody.

Written by hand, so that nothing of what it proves is taken from what is proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, execute_sync, parse

from tests.people import Person

Row = dict[str, Any]
KEYS = {"User": ["id"], "Post": ["id"], "Project": ["id"], "Task": ["id"], "Member": ["projectId", "userId"]}
RANKS = {
    "TaskOrder.status": ["todo", "in_progress", "review", "done"],
    "TaskOrder.priority": ["low", "medium", "high", "urgent"],
    "ProjectOrder.status": ["active", "archived"],
    "MemberOrder.role": ["viewer", "member", "admin", "owner"],
}
TO_ONE: dict[tuple[str, str], tuple[str, str]] = {
    ("Post", "author"): ("User", "authorId"),
    ("Project", "owner"): ("User", "ownerId"),
    ("Member", "project"): ("Project", "projectId"),
    ("Member", "user"): ("User", "userId"),
    ("Task", "project"): ("Project", "projectId"),
    ("Task", "assignee"): ("User", "assigneeId"),
}
TO_MANY: dict[tuple[str, str], tuple[str, str]] = {
    ("User", "posts"): ("Post", "authorId"),
    ("User", "ownedProjects"): ("Project", "ownerId"),
    ("User", "memberships"): ("Member", "userId"),
    ("User", "assignedTasks"): ("Task", "assigneeId"),
    ("Project", "members"): ("Member", "projectId"),
    ("Project", "tasks"): ("Task", "projectId"),
}
ROOTS = {"users": "User", "posts": "Post", "projects": "Project", "members": "Member", "tasks": "Task"}
IDS = {"projectId": "projectId", "userId": "authorId", "assigneeId": "assigneeId"}


async def rows_of(person: Person) -> dict[str, list[Row]]:
    """Return every row that somebody sees, as REST tells it."""
    found = {kind: await _all(person, f"/{plural}") for plural, kind in ROOTS.items() if plural != "members"}
    found["Member"] = []
    for project in found["Project"]:
        found["Member"] += await _all(person, f"/projects/{project['id']}/members")
    return found


async def _all(person: Person, path: str) -> list[Row]:
    found: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        answer = await person.get(f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        body = answer.json()
        found += body["data"]
        cursor = body["meta"]["nextCursor"]
    return found


@dataclass(frozen=True, repr=False)
class Reference:
    """Answers documents about the rows that one person sees."""

    schema: GraphQLSchema
    person: Person
    rows: Mapping[str, list[Row]]

    def answer(self, text: str, variables: dict[str, Any]) -> Any:
        """Return the data of a document."""
        found = execute_sync(self.schema, parse(text), variable_values=variables, field_resolver=self.resolve)
        assert not found.errors, (text, found.errors)
        return found.data

    def resolve(self, parent: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        """Resolve one field."""
        kind, name = info.parent_type.name, info.field_name
        if kind == "Query":
            return self._root(name, args)
        if name in parent:
            return parent[name]
        if (kind, name) in TO_ONE:
            target, column = TO_ONE[kind, name]
            return next((row for row in self.rows[target] if row["id"] == parent[column]), None)
        plain = name.removesuffix("Page")
        if (kind, plain) == ("User", "projects"):
            theirs = {row["projectId"] for row in self.rows["Member"] if row["userId"] == parent["id"]}
            found = [row for row in self.rows["Project"] if row["id"] in theirs]
            return self._listed("Project", found, args, is_page=name != plain, limit=20)
        target, column = TO_MANY[kind, plain]
        found = [row for row in self.rows[target] if row[column] == parent["id"]]
        return self._listed(target, found, args, is_page=name != plain, limit=20)

    def _root(self, name: str, args: dict[str, Any]) -> Any:
        plain = name.removesuffix("Page")
        if plain in ROOTS:
            kind = ROOTS[plain]
            found = [row for row in self.rows[kind] if self._has_ids(row, args)]
            return self._listed(kind, found, args, is_page=name != plain, limit=10)
        kind = name.capitalize()
        wanted = [self._id(args[key]) for key in KEYS[kind]]
        return next((row for row in self.rows[kind] if [row[key] for key in KEYS[kind]] == wanted), None)

    def _id(self, text: str) -> str:
        return str(self.person.id) if text == "me" else text.lower()

    def _has_ids(self, row: Row, args: dict[str, Any]) -> bool:
        return all(row[IDS[name]] == self._id(args[name]) for name in IDS if args.get(name) is not None)

    def _listed(
        self, kind: str, rows: list[Row], args: dict[str, Any], *, is_page: bool, limit: int
    ) -> list[Row] | Row:
        for name, wanted in (args.get("where") or {}).items():
            if wanted is not None:
                rows = [row for row in rows if self._meets(row, name, wanted)]
        order = args.get("orderBy")
        if order is not None:
            rows = _sorted(kind, rows, order.field, is_descending=order.is_descending)
        start, most = args.get("offset") or 0, args.get("limit") or limit
        shown = rows[start : start + most]
        if not is_page:
            return shown
        has_more = len(rows) > start + most
        return {"nodes": shown, "nextCursor": "more" if has_more else None, "total": len(rows)}

    def _meets(self, row: Row, name: str, wanted: Any) -> bool:
        if name == "q":
            texts = [row.get(one) for one in ("title", "name", "description")]
            whole = " ".join(text for text in texts if text is not None).lower()
            return all(word.lower() in whole for word in wanted.split())
        if name == "tag":
            return bool(set(row["tags"]) & set(wanted))
        if name in ("dueBefore", "dueAfter"):
            due = row["dueDate"]
            return due is not None and (due < wanted if name == "dueBefore" else due >= wanted)
        return row[IDS.get(name, name)] in [self._id(one) if name in IDS else one for one in wanted]


def _sorted(kind: str, rows: list[Row], field: str, *, is_descending: bool) -> list[Row]:
    ranks = RANKS.get(f"{kind}Order.{field}")
    rank: Callable[[Any], Any] = (lambda value: value) if ranks is None else ranks.index
    known = [row for row in rows if row[field] is not None]
    unknown = [row for row in rows if row[field] is None]

    def ties(row: Row) -> list[str]:
        return [row[key] for key in KEYS[kind]]

    known.sort(key=lambda row: (rank(row[field]), ties(row)), reverse=is_descending)
    unknown.sort(key=ties, reverse=is_descending)
    return known + unknown
