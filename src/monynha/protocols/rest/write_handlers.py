"""The write path: the handlers of create, update and delete."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError
from monynha.core.lru_cache import LruCache
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.mutations import CreatedRow, PrimaryKey
from monynha.engine.mutation.validation import parse_create, parse_update
from monynha.engine.query.selection import Selection
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.context import (
    RestContext,
    parse_id,
    parse_primary_key,
    read_json_body,
    require_json_accepted,
)
from monynha.protocols.rest.etag import compute_etag, item_headers, parse_if_match
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")
_CACHE_SIZE = 500
"""How many query strings a resource's writes cache."""


@dataclass(frozen=True)
class WriteHandlers:
    """Handles the writes of one resource."""

    context: RestContext
    resource: Resource
    _selections: LruCache[bytes, Selection] = field(default_factory=lambda: LruCache(_CACHE_SIZE))

    async def create(self, request: Request) -> Response:
        """Create a row and respond with it and its location."""
        connection = self.context.connect(request)
        require_json_accepted(request)
        selection = self._result_selection(request)
        body = await read_json_body(request)
        values = parse_create(self.resource, body)
        idempotency_key = parse_idempotency_key(request, connection.actor, body)
        parent_id = self._parse_parent_id(request, connection.actor)
        created = await self.context.mutations.create(
            connection,
            self.resource,
            values,
            parent_id=parent_id,
            result_selection=selection,
            idempotency_key=idempotency_key,
        )
        return self._created_response(created, collection_path=request.path)

    def _created_response(self, created: CreatedRow, *, collection_path: str) -> Response:
        path = collection_path if self.resource.is_nested else f"{API_PREFIX}/{self.resource.plural}"
        headers = [(b"location", f"{path}/{created.key[-1]}".encode()), *item_headers(compute_etag(created.row))]
        if created.is_replay:
            headers.append((b"idempotency-replayed", b"true"))
        return data_response(created.row.json, status=201, extra_headers=tuple(headers))

    def _parse_parent_id(self, request: Request, actor: Actor) -> UUID | None:
        if self.resource.parent is None:
            return None
        return parse_id(request.path_params["id"], actor, self.resource.parent.target.singular)

    async def update(self, request: Request) -> Response:
        """Update what the body names and respond with the row as it is then."""
        connection = self.context.connect(request)
        return await self.update_from_body(request, connection, await read_json_body(request))

    async def update_from_body(
        self,
        request: Request,
        connection: ActorConnection,
        body: object,
        *,
        is_if_match_checked: bool = False,
    ) -> Response:
        """Update a row by a body that was read before; If-Match is ignored if it was checked before too."""
        require_json_accepted(request)
        selection = self._result_selection(request)
        expected_versions = None if is_if_match_checked else parse_if_match(request.header(b"if-match"))
        values = parse_update(self.resource, body)
        row = await self.context.mutations.update(
            connection,
            self.resource,
            self.primary_key(request, connection),
            values,
            expected_versions=expected_versions,
            result_selection=selection,
        )
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def delete(self, request: Request) -> Response:
        """Delete a row and respond without a body."""
        connection = self.context.connect(request)
        options = parse_flags(request.query_params, tuple(self.resource.delete_options))
        expected_versions = parse_if_match(request.header(b"if-match"))
        key = self.primary_key(request, connection)
        await self.context.mutations.delete(
            connection, self.resource, key, expected_versions=expected_versions, options=options
        )
        return Response(204)

    def primary_key(self, request: Request, connection: ActorConnection) -> PrimaryKey:
        """Return the primary key that the path names."""
        return parse_primary_key(self.resource, request, connection.actor)

    def _result_selection(self, request: Request) -> Selection:
        """Return what the query string selects of the written row; a query string is parsed once."""
        query_string: bytes = request.scope["query_string"]
        selection = self._selections.get(query_string)
        if selection is None:
            selection = self.context.query_params.parse_item(self.resource, request.query_params)
            self.context.queries.compiler.limits.check(selection)
            self._selections.put(query_string, selection)
        return selection


def parse_flags(params: dict[str, str], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the query parameters, each `true` or `false`, are true; BadRequestError for any other."""
    reject_unknown_params(params, names)
    for name, value in params.items():
        if value not in ("true", "false"):
            raise BadRequestError(
                f"The query parameter {name} must be true or false.", details={name: "must be true or false"}
            )
    return tuple(name for name, value in params.items() if value == "true")


def parse_idempotency_key(request: Request, actor: Actor, body: object) -> IdempotencyKey | None:
    """Return the key of a request that creates a row; None without one, and for the service key."""
    key = request.header(b"idempotency-key")
    if key is None or actor.id is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        problem = "must be 1 to 255 printable ASCII characters"
        raise BadRequestError(f"Idempotency-Key {problem}.", details={"Idempotency-Key": problem})
    canonical_body = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(request.method, request.path, key, hashlib.sha256(canonical_body).digest())
