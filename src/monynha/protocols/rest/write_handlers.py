"""The handlers that write to one resource: create, update, delete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError, NotAcceptableError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import parse_uuid
from monynha.engine.mutation.idempotency import IdempotencyKey
from monynha.engine.mutation.mutations import CreatedRow, Mutations, PrimaryKey
from monynha.engine.mutation.validation import parse_create, parse_update, unwrap_data
from monynha.engine.query.queries import Queries
from monynha.engine.query.selection import Selection
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection, Database
from monynha.protocols.http.content_negotiation import accepts_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.etag import compute_etag, item_headers, parse_if_match
from monynha.protocols.rest.query_params import QueryParamParser
from monynha.protocols.rest.resource_routes import API_PREFIX, id_parameter

_IDEMPOTENCY_KEY = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True)
class RestContext:
    """What every handler needs: who asks, and the three verbs."""

    catalog: Catalog
    database: Database
    queries: Queries
    mutations: Mutations
    authenticate: Callable[[Request], Actor]

    @property
    def query_params(self) -> QueryParamParser:
        """Reads questions over the catalogue."""
        return QueryParamParser(self.catalog)

    def connect(self, request: Request) -> ActorConnection:
        """Return the database as whoever sent the request; nobody is Unauthenticated."""
        actor = self.authenticate(request)
        if actor.is_anonymous:
            raise UnauthenticatedError()
        return self.database.as_actor(actor)


@dataclass(frozen=True)
class WriteHandlers:
    """The handlers of one resource."""

    context: RestContext
    resource: Resource

    async def create(self, request: Request) -> Response:
        """Create a row and answer it with its address."""
        connection = self.context.connect(request)
        query = read_query(request)
        self._selection(query, ())
        body = await read_json_body(request)
        values = parse_create(self.resource, body)
        idempotency_key = _parse_idempotency_key(request, connection.actor, body)
        parent_id = None if self.resource.parent is None else parse_id(request.path_params["id"], connection.actor)
        returns_stored_row = self.resource.has_only_stored_fields and not query
        created = await self.context.mutations.create(
            connection,
            self.resource,
            values,
            parent_id=parent_id,
            result_selection=None if returns_stored_row else lambda key: self._selection(query, key),
            idempotency_key=idempotency_key,
        )
        return self._created_response(created, collection_path=request.path)

    def _created_response(self, created: CreatedRow, *, collection_path: str) -> Response:
        own_id = str(created.key[-1])
        path = collection_path if self.resource.is_nested else f"{API_PREFIX}/{self.resource.plural}"
        extra = [(b"location", f"{path}/{own_id}".encode()), *item_headers(compute_etag(created.row))]
        if created.is_replay:
            extra.append((b"idempotency-replayed", b"true"))
        return data_response(created.row.json, status=201, extra_headers=tuple(extra))

    async def update(self, request: Request) -> Response:
        """Change what the body names and answer the row as it is then."""
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
        """Change a row by a body that was read already; `is_checked` where If-Match was looked at before."""
        query = read_query(request)
        if_match = None if is_if_match_checked else request.header(b"if-match")
        expected_versions = parse_if_match(if_match)
        values = parse_update(self.resource, body)
        key = self.primary_key(request, connection)
        selection = self._selection(query, key)
        returns_stored_row = self.resource.has_only_stored_fields and not query
        row = await self.context.mutations.update(
            connection,
            self.resource,
            key,
            values,
            expected_versions=expected_versions,
            result_selection=None if returns_stored_row else selection,
        )
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def delete(self, request: Request) -> Response:
        """Delete a row; nothing is left to answer."""
        connection = self.context.connect(request)
        query = request.query_params
        options = self._delete_options(query)
        expected_versions = parse_if_match(request.header(b"if-match"))
        key = self.primary_key(request, connection)
        await self.context.mutations.delete(
            connection, self.resource, key, expected_versions=expected_versions, options=options
        )
        return Response(204)

    def _selection(self, query: dict[str, str], key: PrimaryKey) -> Selection:
        return self.context.query_params.parse_item(self.resource, query, key)

    def _delete_options(self, query: dict[str, str]) -> tuple[str, ...]:
        for name, value in query.items():
            if name not in self.resource.delete_options:
                raise BadRequestError("A query parameter is not known.", details={name[:100]: "is not known"})
            if value not in ("true", "false"):
                raise BadRequestError(
                    f"The query parameter {name} is not read.", details={name: "must be true or false"}
                )
        return tuple(name for name, value in query.items() if value == "true")

    def primary_key(self, request: Request, connection: ActorConnection) -> PrimaryKey:
        """Return the primary key that the address names."""
        return parse_primary_key(self.resource, request, connection.actor)


def parse_primary_key(resource: Resource, request: Request, actor: Actor) -> PrimaryKey:
    """Return the primary key that an item's address names."""
    own_id = parse_id(request.path_params[id_parameter(resource)], actor)
    if not resource.is_nested:
        return (own_id,)
    parent_id = parse_id(request.path_params["id"], actor)
    return tuple(parent_id if one is resource.parent_column else own_id for one in resource.primary_key)


async def read_json_body(request: Request) -> Any:
    """Return the JSON body without its wrapper."""
    return unwrap_data(await request.json())


def parse_id(text: str, actor: Actor) -> UUID:
    """Return the id in an address; `me` is the asker, and what is no UUID is NotFound."""
    id = actor.id if text == "me" else parse_uuid(text)
    if id is None:
        raise NotFoundError()
    return id


def read_query(request: Request) -> dict[str, str]:
    """Return the query parameters; who does not take JSON is NotAcceptable."""
    require_json_accepted(request)
    return request.query_params


def require_json_accepted(request: Request) -> None:
    """Refuse who does not take JSON (NotAcceptable)."""
    if not accepts_json(request.header(b"accept")):
        raise NotAcceptableError()


def _parse_idempotency_key(request: Request, actor: Actor, body: object) -> IdempotencyKey | None:
    key = request.header(b"idempotency-key")
    if key is None or actor.id is None:
        return None
    if not _IDEMPOTENCY_KEY.fullmatch(key):
        raise BadRequestError(
            "The Idempotency-Key cannot be read.",
            details={"Idempotency-Key": "must be 1 to 255 printable characters"},
        )
    canonical_body = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return IdempotencyKey(request.method, request.path, key, hashlib.sha256(canonical_body).digest())
