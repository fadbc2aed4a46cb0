"""The JSON documents of an export: the rows that are somebody's own, page by page, as row-level security shows them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace

import orjson

from monynha.domains.activity import activity
from monynha.domains.files import files
from monynha.domains.notifications import notifications
from monynha.domains.posts import posts
from monynha.domains.projects import members, projects
from monynha.domains.sessions import sessions
from monynha.domains.tasks import tasks
from monynha.domains.users import users
from monynha.engine.query.cursor import decode_cursor, encode_cursor
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Condition, Order, Selection
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection, guard_query

PAGE_ROWS = 50
"""How many rows are read at once: few enough for the longest texts."""
_OWN_ACCOUNT = guard_query("select monynha.own_account()")
_OWN_ROWS: dict[str, tuple[Resource, str]] = {
    "posts.json": (posts, "authorId"),
    "owned-projects.json": (projects, "ownerId"),
    "memberships.json": (members, "userId"),
    "assigned-tasks.json": (tasks, "assigneeId"),
    "files.json": (files, "userId"),
    "notifications.json": (notifications, "userId"),
}
"""The documents of rows that name their user in a field."""


@dataclass(frozen=True)
class OwnDocuments:
    """Reads what is somebody's own. Every page is a statement of that user: what they may not see is not there."""

    connection: ActorConnection
    queries: Queries

    async def names(self) -> list[str]:
        """Return the names of the documents, in their order in the archive."""
        return ["profile.json", "account.json", "sessions.json", *_OWN_ROWS, "activity.json"]

    def read(self, name: str) -> AsyncGenerator[bytes]:
        """Yield the JSON of a document in pieces."""
        match name:
            case "profile.json":
                return self._profile()
            case "account.json":
                return self._account()
            case "sessions.json":
                return self._array(self.pages(Selection(sessions, sessions.field_names, limit=PAGE_ROWS)))
            case "activity.json":
                return self._array(self._activity())
            case _:
                return self._array(self.pages(self.own_rows(*_OWN_ROWS[name])))

    def own_rows(self, resource: Resource, owner_field: str) -> Selection:
        """Return the first page of the rows whose field is the user."""
        condition = Condition("eq", (owner_field,), self.connection.actor.id)
        order = Order(resource.default_sort)
        return Selection(resource, resource.field_names, where=(condition,), order=order, limit=PAGE_ROWS)

    async def pages(self, selection: Selection) -> AsyncGenerator[bytes]:
        """Yield pages of rows, each a JSON array, from that of the selection on."""
        while True:
            page = await self.queries.fetch_page(self.connection, selection)
            yield page.rows
            if page.last_sort_values is None:
                return
            after = decode_cursor(selection, encode_cursor(selection, page.last_sort_values))
            selection = replace(selection, after=after)

    async def _profile(self) -> AsyncGenerator[bytes]:
        selection = Selection(users, users.field_names, key=(self.connection.actor.id,))
        yield (await self.queries.fetch_row(self.connection, selection)).json

    async def _account(self) -> AsyncGenerator[bytes]:
        yield await self.connection.fetch_json(_OWN_ACCOUNT, ()) or b"null"

    async def _activity(self) -> AsyncGenerator[bytes]:
        """Yield what the user did, project by project: the log of a project is in order, that of all is not."""
        async for page in self.pages(self.own_rows(members, "userId")):
            for membership in orjson.loads(page):
                selection = self.own_rows(activity, "actorId")
                project = Condition("eq", ("projectId",), membership["projectId"])
                async for entries in self.pages(replace(selection, where=(project, *selection.where))):
                    yield entries

    async def _array(self, pages: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
        """Yield one JSON array of the rows of all pages."""
        separator = b"["
        async for page in pages:
            rows = page.strip().removeprefix(b"[").removesuffix(b"]").strip()
            if rows:
                yield separator + rows
                separator = b",\n"
        yield b"[]" if separator == b"[" else b"]"
