"""The handlers that read one resource: a page of a list, an item.

What a query string asks is worked out once: the question is kept ready, with places for the ids in the path.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.remembered import Remembered
from monynha.engine.cursor import write_cursor
from monynha.engine.query import Place, Ready
from monynha.engine.resource import Relation, Resource
from monynha.engine.selection import Condition, Scope, Selection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.rest.etag import etag, matches, of_item
from monynha.protocols.rest.handlers import Rest, expect_json, id_of, key_of

_KEPT = 500
"""How many query strings an address remembers."""
_PRIVATE = ((b"cache-control", b"private, no-cache"),)


@dataclass(frozen=True, slots=True)
class _Listed:
    """A list that is ready to be asked, and what was asked of it before the parent's id is known."""

    ready: Ready
    asked: Selection


@dataclass(frozen=True)
class Reading:
    """Answers what is asked of one resource; `below` is the way by which a list hangs on its parent."""

    rest: Rest
    resource: Resource
    below: Relation | None = None
    _items: Remembered[bytes, Ready] = field(default_factory=lambda: Remembered(_KEPT))
    _lists: Remembered[bytes, _Listed] = field(default_factory=lambda: Remembered(_KEPT))

    async def read(self, request: Request) -> Response:
        """Answer one row, or 304 where the asker has it already."""
        acting = self.rest.acting(request)
        ready = self._item(request)
        found = await self.rest.query.one(acting, ready, key_of(self.resource, request, acting.actor))
        tag = etag(found)
        if matches(request.header(b"if-none-match"), tag):
            return Response(304, b"", of_item(tag))
        return enveloped(found.body, extra=of_item(tag))

    async def list(self, request: Request) -> Response:
        """Answer a page of all that the asker sees, or of what is below the parent that the path names."""
        acting = self.rest.acting(request)
        expect_json(request)
        parent = None if self.below is None else id_of(request.params["id"], acting.actor)
        listed = self._list(request, acting.actor, parent)
        page = await self.rest.query.page(acting, listed.ready, (parent,))
        meta: dict[str, object] = {"limit": listed.asked.limit, "nextCursor": None}
        if page.cursor is not None:
            meta["nextCursor"] = write_cursor(self._of(listed.asked, parent), page.cursor)
        if page.total is not None:
            meta["total"] = page.total
        return enveloped(page.rows, meta=orjson.dumps(meta), extra=_PRIVATE)

    def _item(self, request: Request) -> Ready:
        expect_json(request)
        raw: bytes = request.scope["query_string"]
        ready = self._items.get(raw)
        if ready is None:
            key = tuple(Place(index) for index in range(len(self.resource.key)))
            ready = self.rest.query.ready(self.rest.questions.item(self.resource, request.query, key))
            self._items.keep(raw, ready)
        return ready

    def _list(self, request: Request, actor: Actor, parent: UUID | None) -> _Listed:
        raw: bytes = request.scope["query_string"]
        listed = self._lists.get(raw)
        if listed is not None:
            return listed
        query = request.query
        asked = self.rest.questions.list(self.resource, query, actor)
        if "cursor" in query:
            whole = self.rest.questions.after(self._of(asked, parent), query)
            return _Listed(self.rest.query.ready(whole), asked)
        listed = _Listed(self.rest.query.ready(self._of(asked, Place(0))), asked)
        if not _names(actor, asked):
            self._lists.keep(raw, listed)
        return listed

    def _of(self, asked: Selection, parent: object) -> Selection:
        """Return the list below a parent."""
        if self.below is None:
            return asked
        outside = next(one.name for one in self.resource.fields.values() if one.column is self.below.there)
        own = Condition("is", (outside,), parent)
        return replace(asked, scope=Scope(self.below.source, parent), where=(own, *asked.where))


def _names(actor: Actor, asked: Selection) -> bool:
    """Whether a filter names the asker, as `me` does: to somebody else it would mean another."""
    values = [one.value for one in asked.where]
    return any(actor.id in value for value in values if isinstance(value, list))
