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
from monynha.core.errors import BadRequest, NotAcceptable, NotFound, Unauthenticated
from monynha.core.wire import parse_uuid
from monynha.engine.catalog import Catalog
from monynha.engine.mutate import Created, Key, Mutate
from monynha.engine.mutation import read_create, read_update, unwrapped
from monynha.engine.once import Once
from monynha.engine.query import Query
from monynha.engine.resource import Resource
from monynha.engine.selection import Selection
from monynha.infra.postgres.database import Acting, Database
from monynha.protocols.http.accept import accepts_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, enveloped
from monynha.protocols.rest.addresses import BASE, own_parameter
from monynha.protocols.rest.etag import etag, of_item, wanted_versions
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
        return key_of(self.resource, request, acting.actor)


def key_of(resource: Resource, request: Request, actor: Actor) -> Key:
    """Return the primary key that an item's address names."""
    own = id_of(request.params[own_parameter(resource)], actor)
    if not resource.is_reached_through_parent:
        return (own,)
    parent = id_of(request.params["id"], actor)
    return tuple(parent if one is resource.parent_column else own for one in resource.key)


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
    expect_json(request)
    return request.query


def expect_json(request: Request) -> None:
    """Refuse who does not take JSON (NotAcceptable)."""
    if not accepts_json(request.header(b"accept")):
        raise NotAcceptable()


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
