"""The handlers of one resource's addresses: list, read, create, update, delete."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, NotAcceptable, NotFound, Unauthenticated
from monynha.core.wire import parse_uuid
from monynha.engine.catalog import Catalog
from monynha.engine.mutate import Created, Key, Mutate
from monynha.engine.mutation import read_create, read_update, unwrapped
from monynha.engine.once import Once
from monynha.engine.query import Query
from monynha.engine.resource import Relation, Resource
from monynha.engine.selection import Condition, Scope, Selection
from monynha.infra.postgres.database import Acting, Database
from monynha.protocols.http.accept import accepts_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.rest.addresses import BASE, own_parameter
from monynha.protocols.rest.cursor import write_cursor
from monynha.protocols.rest.etag import etag, matches, of_item, wanted_versions
from monynha.protocols.rest.question import Questions

_KEY = re.compile(r"[\x20-\x7e]{1,255}")


@dataclass(frozen=True)
class Rest:
    """What every handler needs: who asks, and the three verbs."""

    catalog: Catalog
    database: Database
    query: Query
    mutate: Mutate
    identify: Callable[[Request], Actor]

    @property
    def questions(self) -> Questions:
        """Reads questions over the catalogue."""
        return Questions(self.catalog)

    def acting(self, request: Request) -> Acting:
        """Return the database as whoever sent the request; nobody is Unauthenticated."""
        actor = self.identify(request)
        if actor.is_nobody:
            raise Unauthenticated()
        return self.database.acting(actor)


@dataclass(frozen=True)
class Handlers:
    """The handlers of one resource."""

    rest: Rest
    resource: Resource

    async def list(self, request: Request) -> Response:
        """Answer a page of all that the asker sees."""
        return await self._page(request, None)

    def list_below(self, relation: Relation) -> Callable[[Request], Any]:
        """Return the handler that answers a page below a parent's address."""

        async def handler(request: Request) -> Response:
            return await self._page(request, relation)

        return handler

    async def _page(self, request: Request, relation: Relation | None) -> Response:
        acting = self.rest.acting(request)
        query = query_of(request)
        questions = self.rest.questions
        scope = None
        if relation is not None:
            scope = Scope(relation.source, id_of(request.params["id"], acting.actor))
        asked = questions.list(self.resource, query, acting.actor, scope)
        if relation is not None and scope is not None:
            outside = next(one.name for one in self.resource.fields.values() if one.column is relation.there)
            asked = replace(asked, where=(Condition("is", (outside,), scope.id), *asked.where))
        asked = questions.after(asked, query)
        page = await self.rest.query.page(acting, asked)
        meta: dict[str, object] = {"limit": asked.limit, "nextCursor": None}
        if page.cursor is not None:
            meta["nextCursor"] = write_cursor(asked, page.cursor)
        if page.total is not None:
            meta["total"] = page.total
        return enveloped(
            page.rows, meta=orjson.dumps(meta), extra=((b"cache-control", b"private, no-cache"),)
        )

    async def read(self, request: Request) -> Response:
        """Answer one row, or 304 where the asker has it already."""
        acting = self.rest.acting(request)
        query = query_of(request)
        asked = self.rest.questions.item(self.resource, query, self.key(request, acting))
        found = await self.rest.query.one(acting, asked)
        tag = etag(found)
        if matches(request.header(b"if-none-match"), tag):
            return Response(304, b"", of_item(tag))
        return enveloped(found.body, extra=of_item(tag))

    async def create(self, request: Request) -> Response:
        """Create a row and answer it with its address."""
        acting = self.rest.acting(request)
        query = query_of(request)
        self._asked(query, ())
        body = await read_body(request)
        values = read_create(self.resource, body)
        once = _once(request, acting.actor, body)
        parent = None if self.resource.within is None else id_of(request.params["id"], acting.actor)
        plain = self.resource.is_plain and not query
        created = await self.rest.mutate.create(
            acting,
            self.resource,
            values,
            parent=parent,
            answer=None if plain else lambda key: self._asked(query, key),
            once=once,
        )
        return self._created(created, plain_path=request.path)

    def _created(self, created: Created, *, plain_path: str) -> Response:
        own = str(created.key[-1])
        path = plain_path if self.resource.is_reached_through_parent else f"{BASE}/{self.resource.plural}"
        extra = [(b"location", f"{path}/{own}".encode()), *of_item(etag(created.found))]
        if created.is_replay:
            extra.append((b"idempotency-replayed", b"true"))
        return enveloped(created.found.body, status=201, extra=tuple(extra))

    async def update(self, request: Request) -> Response:
        """Change what the body names and answer the row as it is then."""
        acting = self.rest.acting(request)
        return await self.change(request, acting, await read_body(request))

    async def change(
        self, request: Request, acting: Acting, body: object, *, is_checked: bool = False
    ) -> Response:
        """Change a row by a body that was read already; `is_checked` where If-Match was looked at before."""
        query = query_of(request)
        wanted = None if is_checked else request.header(b"if-match")
        versions = wanted_versions(wanted)
        values = read_update(self.resource, body)
        key = self.key(request, acting)
        asked = self._asked(query, key)
        plain = self.resource.is_plain and not query
        found = await self.rest.mutate.update(
            acting,
            self.resource,
            key,
            values,
            versions=versions,
            answer=None if plain else asked,
        )
        return enveloped(found.body, extra=of_item(etag(found)))

    async def delete(self, request: Request) -> Response:
        """Delete a row; nothing is left to answer."""
        acting = self.rest.acting(request)
        query = request.query
        switches = self._switches(query)
        versions = wanted_versions(request.header(b"if-match"))
        key = self.key(request, acting)
        await self.rest.mutate.delete(acting, self.resource, key, versions=versions, switches=switches)
        return Response(204)

    def _asked(self, query: dict[str, str], key: Key) -> Selection:
        return self.rest.questions.item(self.resource, query, key)

    def _switches(self, query: dict[str, str]) -> tuple[str, ...]:
        for name, value in query.items():
            if name not in self.resource.switches:
                raise BadRequest("A query parameter is not known.", details={name[:100]: "is not known"})
            if value not in ("true", "false"):
                raise BadRequest(
                    f"The query parameter {name} is not read.", details={name: "must be true or false"}
                )
        return tuple(name for name, value in query.items() if value == "true")

    def key(self, request: Request, acting: Acting) -> Key:
        """Return the primary key that the address names."""
        own = id_of(request.params[own_parameter(self.resource)], acting.actor)
        if not self.resource.is_reached_through_parent:
            return (own,)
        parent = id_of(request.params["id"], acting.actor)
        return tuple(parent if one is self.resource.parent_column else own for one in self.resource.key)


async def read_body(request: Request) -> Any:
    """Return the JSON body without its wrapper."""
    return unwrapped(await request.json())


def id_of(text: str, actor: Actor) -> UUID:
    """Return the id in an address; `me` is the asker, and what is no UUID is NotFound."""
    found = actor.id if text == "me" else parse_uuid(text)
    if found is None:
        raise NotFound()
    return found


def query_of(request: Request) -> dict[str, str]:
    """Return the query parameters; who does not take JSON is NotAcceptable."""
    if not accepts_json(request.header(b"accept")):
        raise NotAcceptable()
    return request.query


def _once(request: Request, actor: Actor, body: object) -> Once | None:
    key = request.header(b"idempotency-key")
    if key is None or actor.id is None:
        return None
    if not _KEY.fullmatch(key):
        raise BadRequest(
            "The Idempotency-Key cannot be read.",
            details={"Idempotency-Key": "must be 1 to 255 printable characters"},
        )
    told = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    return Once(request.method, request.path, key, hashlib.sha256(told).digest())
