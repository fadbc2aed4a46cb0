"""A reference executor: graphql-core with plain resolvers over the rows that REST shows a user.

Written by hand, so that nothing of what it proves is taken from what is proven.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema, execute_sync, parse

from tests.users import ApiUser

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


async def fetch_visible_rows(user: ApiUser) -> dict[str, list[Row]]:
    """Return every row that a user sees, as REST returns it."""
    rows = {kind: await _fetch_all(user, f"/{plural}") for plural, kind in ROOTS.items() if plural != "members"}
    rows["Member"] = []
    for project in rows["Project"]:
        rows["Member"] += await _fetch_all(user, f"/projects/{project['id']}/members")
    return rows


async def _fetch_all(user: ApiUser, path: str) -> list[Row]:
    rows: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        response = await user.get(f"{path}?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        assert response.status_code == 200, response.text
        body = response.json()
        rows += body["data"]
        cursor = body["meta"]["nextCursor"]
    return rows


@dataclass(frozen=True, repr=False)
class ReferenceExecutor:
    """Executes documents over the rows that one user sees."""

    schema: GraphQLSchema
    user: ApiUser
    rows: Mapping[str, list[Row]]

    def execute(self, text: str, variables: dict[str, Any]) -> Any:
        """Return the data of a document."""
        result = execute_sync(self.schema, parse(text), variable_values=variables, field_resolver=self.resolve)
        assert not result.errors, (text, result.errors)
        return result.data

    def resolve(self, parent: Any, info: GraphQLResolveInfo[Any], **args: Any) -> Any:
        """Resolve one field."""
        type_name, name = info.parent_type.name, info.field_name
        if type_name == "Query":
            return self._resolve_root(name, args)
        if name in parent:
            return parent[name]
        if (type_name, name) in TO_ONE:
            target, column = TO_ONE[type_name, name]
            return next((row for row in self.rows[target] if row["id"] == parent[column]), None)
        list_name = name.removesuffix("Page")
        if (type_name, list_name) == ("User", "projects"):
            project_ids = {row["projectId"] for row in self.rows["Member"] if row["userId"] == parent["id"]}
            rows = [row for row in self.rows["Project"] if row["id"] in project_ids]
            return self._apply_arguments("Project", rows, args, is_page=name != list_name, limit=20)
        target, column = TO_MANY[type_name, list_name]
        rows = [row for row in self.rows[target] if row[column] == parent["id"]]
        return self._apply_arguments(target, rows, args, is_page=name != list_name, limit=20)

    def _resolve_root(self, name: str, args: dict[str, Any]) -> Any:
        list_name = name.removesuffix("Page")
        if list_name in ROOTS:
            type_name = ROOTS[list_name]
            rows = [row for row in self.rows[type_name] if self._matches_ids(row, args)]
            return self._apply_arguments(type_name, rows, args, is_page=name != list_name, limit=10)
        type_name = name.capitalize()
        wanted = [self._resolve_id(args[key]) for key in KEYS[type_name]]
        return next((row for row in self.rows[type_name] if [row[key] for key in KEYS[type_name]] == wanted), None)

    def _resolve_id(self, text: str) -> str:
        return str(self.user.id) if text == "me" else text.lower()

    def _matches_ids(self, row: Row, args: dict[str, Any]) -> bool:
        return all(row[IDS[name]] == self._resolve_id(args[name]) for name in IDS if args.get(name) is not None)

    def _apply_arguments(
        self, type_name: str, rows: list[Row], args: dict[str, Any], *, is_page: bool, limit: int
    ) -> list[Row] | Row:
        for name, wanted in (args.get("where") or {}).items():
            if wanted is not None:
                rows = [row for row in rows if self._matches(row, name, wanted)]
        order = args.get("orderBy")
        if order is not None:
            rows = _sorted(type_name, rows, order.field, is_descending=order.is_descending)
        start, limit_given = args.get("offset") or 0, args.get("limit") or limit
        page_rows = rows[start : start + limit_given]
        if not is_page:
            return page_rows
        has_more = len(rows) > start + limit_given
        return {"nodes": page_rows, "nextCursor": "more" if has_more else None, "total": len(rows)}

    def _matches(self, row: Row, name: str, wanted: Any) -> bool:
        if name == "q":
            texts = [row.get(column) for column in ("title", "name", "description")]
            whole = " ".join(text for text in texts if text is not None).lower()
            return all(word.lower() in whole for word in wanted.split())
        if name == "tag":
            return bool(set(row["tags"]) & set(wanted))
        if name in ("dueBefore", "dueAfter"):
            due = row["dueDate"]
            return due is not None and (due < wanted if name == "dueBefore" else due >= wanted)
        return row[IDS.get(name, name)] in [self._resolve_id(item) if name in IDS else item for item in wanted]


def _sorted(type_name: str, rows: list[Row], field: str, *, is_descending: bool) -> list[Row]:
    ranks = RANKS.get(f"{type_name}Order.{field}")
    rank: Callable[[Any], Any] = (lambda value: value) if ranks is None else ranks.index
    with_value = [row for row in rows if row[field] is not None]
    without_value = [row for row in rows if row[field] is None]

    def ties(row: Row) -> list[str]:
        return [row[key] for key in KEYS[type_name]]

    with_value.sort(key=lambda row: (rank(row[field]), ties(row)), reverse=is_descending)
    without_value.sort(key=ties, reverse=is_descending)
    return with_value + without_value
