"""The handlers that read one resource: a page of a list, an item.

What a query string asks is worked out once: the question is kept ready, with places for the ids in the path.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.lru_cache import LruCache
from monynha.engine.query.cursor import encode_cursor
from monynha.engine.query.parameter import Parameter, PreparedQuery
from monynha.engine.query.selection import Condition, Scope, Selection
from monynha.engine.schema.resource import Relation, Resource
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.etag import compute_etag, item_headers, matches_etag
from monynha.protocols.rest.write_handlers import (
    RestContext,
    parse_id,
    parse_primary_key,
    require_json_accepted,
)

_CACHE_SIZE = 500
"""How many query strings an address remembers."""
_PathIds = Sequence[UUID | None]
"""The ids that a request's path names: an item's primary key, or a list's parent (None at the top)."""
_PARENT_ID: Parameter[_PathIds] = Parameter(itemgetter(0))
_PRIVATE = ((b"cache-control", b"private, no-cache"),)


@dataclass(frozen=True, slots=True)
class _PreparedList:
    """A list that is ready to be asked, and what was asked of it before the parent's id is known."""

    query: PreparedQuery[_PathIds]
    selection: Selection


@dataclass(frozen=True)
class ReadHandlers:
    """Answers what is asked of one resource; `below` is the way by which a list hangs on its parent."""

    context: RestContext
    resource: Resource
    parent_relation: Relation | None = None
    _items: LruCache[bytes, PreparedQuery[_PathIds]] = field(default_factory=lambda: LruCache(_CACHE_SIZE))
    _lists: LruCache[bytes, _PreparedList] = field(default_factory=lambda: LruCache(_CACHE_SIZE))

    async def read(self, request: Request) -> Response:
        """Answer one row, or 304 where the asker has it already."""
        connection = self.context.connect(request)
        query = self._prepare_item(request)
        row = await self.context.queries.fetch_row(
            connection, query, parse_primary_key(self.resource, request, connection.actor)
        )
        etag = compute_etag(row)
        if matches_etag(request.header(b"if-none-match"), etag):
            return Response(304, b"", item_headers(etag))
        return data_response(row.json, extra_headers=item_headers(etag))

    async def list(self, request: Request) -> Response:
        """Answer a page of all that the asker sees, or of what is below the parent that the path names."""
        connection = self.context.connect(request)
        require_json_accepted(request)
        parent_id = None if self.parent_relation is None else parse_id(request.path_params["id"], connection.actor)
        prepared = self._prepare_list(request, connection.actor, parent_id)
        page = await self.context.queries.fetch_page(connection, prepared.query, (parent_id,))
        meta: dict[str, object] = {"limit": prepared.selection.limit, "nextCursor": None}
        if page.cursor is not None:
            meta["nextCursor"] = encode_cursor(self._below_parent(prepared.selection, parent_id), page.cursor)
        if page.total is not None:
            meta["total"] = page.total
        return data_response(page.rows, meta=orjson.dumps(meta), extra_headers=_PRIVATE)

    def _prepare_item(self, request: Request) -> PreparedQuery[_PathIds]:
        require_json_accepted(request)
        query_string: bytes = request.scope["query_string"]
        prepared = self._items.get(query_string)
        if prepared is None:
            key = tuple(Parameter(itemgetter(index)) for index in range(len(self.resource.primary_key)))
            prepared = self.context.queries.prepare(
                self.context.query_params.parse_item(self.resource, request.query_params, key)
            )
            self._items.put(query_string, prepared)
        return prepared

    def _prepare_list(self, request: Request, actor: Actor, parent_id: UUID | None) -> _PreparedList:
        query_string: bytes = request.scope["query_string"]
        prepared = self._lists.get(query_string)
        if prepared is not None:
            return prepared
        query = request.query_params
        selection = self.context.query_params.parse_list(self.resource, query, actor)
        if "cursor" in query:
            page_selection = self.context.query_params.apply_cursor(self._below_parent(selection, parent_id), query)
            return _PreparedList(self.context.queries.prepare(page_selection), selection)
        prepared = _PreparedList(self.context.queries.prepare(self._below_parent(selection, _PARENT_ID)), selection)
        if not _filters_by_actor(actor, selection):
            self._lists.put(query_string, prepared)
        return prepared

    def _below_parent(self, selection: Selection, parent_id: object) -> Selection:
        """Return the list below a parent."""
        if self.parent_relation is None:
            return selection
        parent_field = next(
            one.name for one in self.resource.fields.values() if one.column is self.parent_relation.target_column
        )
        parent_condition = Condition("is", (parent_field,), parent_id)
        return replace(
            selection,
            scope=Scope(self.parent_relation.source, parent_id),
            where=(parent_condition, *selection.where),
        )


def _filters_by_actor(actor: Actor, selection: Selection) -> bool:
    """Whether a filter names the asker, as `me` does: to somebody else it would mean another."""
    values = [one.value for one in selection.where]
    return any(actor.id in value for value in values if isinstance(value, list))
