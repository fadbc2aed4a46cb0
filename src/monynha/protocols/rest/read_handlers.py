"""The read path: the handlers of a list and of an item.

The pipeline of a read is parse → authenticate → rate limit → plan → execute → respond. `http` parses the request and
`RestContext.wrap` authenticates and counts it; the other stages are the lines of `ReadHandlers.list` and `read`. A
query string is parsed and planned once: the prepared query is cached, with the ids of the path as its parameters.
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
from monynha.engine.query.parameter import Page, Parameter, PreparedQuery
from monynha.engine.query.selection import Condition, Scope, Selection
from monynha.engine.schema.resource import Relation, Resource
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.context import RestContext, parse_id, parse_primary_key, require_json_accepted
from monynha.protocols.rest.etag import compute_etag, item_headers, matches_etag

_CACHE_SIZE = 500
"""How many query strings a route caches."""
_PRIVATE = ((b"cache-control", b"private, no-cache"),)
_PathIds = Sequence[UUID | None]
"""The ids that a path names: the primary key of an item, or the parent of a list (None at the top level)."""


@dataclass(frozen=True, slots=True)
class _PreparedList:
    """The query of a page, and the selection of the list itself, with a parameter for the parent's id."""

    query: PreparedQuery[_PathIds]
    selection: Selection


@dataclass(frozen=True)
class ReadHandlers:
    """Handles the reads of one resource; `parent_relation` leads from the parent that a list's path names."""

    context: RestContext
    resource: Resource
    parent_relation: Relation | None = None
    _items: LruCache[bytes, PreparedQuery[_PathIds]] = field(default_factory=lambda: LruCache(_CACHE_SIZE))
    _lists: LruCache[bytes, _PreparedList] = field(default_factory=lambda: LruCache(_CACHE_SIZE))

    async def list(self, request: Request) -> Response:
        """Respond with a page of all rows that the actor sees, or of those below a parent."""
        connection = self.context.connect(request)
        require_json_accepted(request)
        path_ids = (self._parse_parent_id(request, connection.actor),)
        prepared = self._prepare_list(request, connection.actor, path_ids)
        page = await prepared.query.fetch_page(connection, path_ids)
        return _page_response(prepared.selection, page, path_ids)

    async def read(self, request: Request) -> Response:
        """Respond with one row, or with 304 if the client has it already."""
        connection = self.context.connect(request)
        require_json_accepted(request)
        query = self._prepare_item(request)
        path_ids = parse_primary_key(self.resource, request, connection.actor)
        row = await query.fetch_row(connection, path_ids)
        etag = compute_etag(row)
        if matches_etag(request.header(b"if-none-match"), etag):
            return Response(304, b"", item_headers(etag))
        return data_response(row.json, extra_headers=item_headers(etag))

    def _parse_parent_id(self, request: Request, actor: Actor) -> UUID | None:
        if self.parent_relation is None:
            return None
        return parse_id(request.path_params["id"], actor, self.parent_relation.source.singular)

    def _prepare_item(self, request: Request) -> PreparedQuery[_PathIds]:
        query_string: bytes = request.scope["query_string"]
        query = self._items.get(query_string)
        if query is None:
            key = tuple(Parameter(itemgetter(index)) for index in range(len(self.resource.primary_key)))
            selection = self.context.query_params.parse_item(self.resource, request.query_params)
            query = self.context.queries.prepare(replace(selection, key=key))
            self._items.put(query_string, query)
        return query

    def _prepare_list(self, request: Request, actor: Actor, path_ids: _PathIds) -> _PreparedList:
        query_string: bytes = request.scope["query_string"]
        prepared = self._lists.get(query_string)
        if prepared is not None:
            return prepared
        params = request.query_params
        selection = self._below_parent(self.context.query_params.parse_list(self.resource, params, actor))
        if "cursor" in params:
            # A cursor is valid for one parent, and rarely sent twice: its query is not cached.
            page_selection = self.context.query_params.apply_cursor(selection.resolve(path_ids), params)
            return _PreparedList(self.context.queries.prepare(page_selection), selection)
        prepared = _PreparedList(self.context.queries.prepare(selection), selection)
        if not _filters_by_actor(actor, selection):
            self._lists.put(query_string, prepared)
        return prepared

    def _below_parent(self, selection: Selection) -> Selection:
        """Return the part of a list that is below the parent of the path."""
        if self.parent_relation is None:
            return selection
        parent_id: Parameter[_PathIds] = Parameter(itemgetter(0))
        target_column = self.parent_relation.target_column
        parent_field = next(field.name for field in self.resource.fields.values() if field.column is target_column)
        return replace(
            selection,
            scope=Scope(self.parent_relation.source, parent_id),
            where=(Condition("eq", (parent_field,), parent_id), *selection.where),
        )


def _page_response(selection: Selection, page: Page, path_ids: _PathIds) -> Response:
    meta: dict[str, object] = {"limit": selection.limit, "nextCursor": None}
    if page.last_sort_values is not None:
        meta["nextCursor"] = encode_cursor(selection, page.last_sort_values, path_ids)
    if page.total is not None:
        meta["total"] = page.total
    return data_response(page.rows, meta=orjson.dumps(meta), extra_headers=_PRIVATE)


def _filters_by_actor(actor: Actor, selection: Selection) -> bool:
    """Whether a filter has the actor's own id as a value, as for `me`: then another actor's query differs."""
    values = (condition.value for condition in selection.where)
    return any(actor.id in value for value in values if isinstance(value, list))
