"""The program as an ASGI application: every part made once and handed to those that need it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from monynha.app.catalog import CATALOG
from monynha.app.described import openapi_document
from monynha.app.graphql import graphql_parts
from monynha.app.landing import landing
from monynha.app.live import LiveParts, sockets
from monynha.app.migrate import bring_up
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.core.telemetry import start_logging
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.http import area as auth_area
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.users.actions import UserActions
from monynha.domains.users.http import UserRoutes
from monynha.domains.users.reactions import KeepProfile
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import Mutate
from monynha.engine.query import Query
from monynha.infra.embedded import Servers, with_secrets
from monynha.infra.postgres.advisor import look_over
from monynha.infra.postgres.database import Database, database_is_there
from monynha.infra.valkey import Limiter, Valkey
from monynha.protocols import openapi
from monynha.protocols.http.client import Clients
from monynha.protocols.http.cors import Origins
from monynha.protocols.http.edge import Edge, TakeSocket
from monynha.protocols.http.event_stream import EventStream
from monynha.protocols.http.health import Health
from monynha.protocols.http.limits import Limits
from monynha.protocols.http.router import Area, Router
from monynha.protocols.rest.events import EventStreams
from monynha.protocols.rest.handlers import Rest
from monynha.protocols.rest.limited import Limited
from monynha.protocols.rest.routes import area as rest_area


@dataclass(frozen=True)
class Program:
    """The running program: answers requests, and gives back what it holds at the end."""

    edge: Edge
    database: Database
    auth: Auth
    valkey: Valkey
    live: LiveParts
    streams: set[EventStream]

    def __call__(self, scope: Any, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        """Answer one request."""
        return self.edge(scope, receive, send)

    def leave(self) -> None:
        """End what would go on without an end; sockets are told by the server itself."""
        for one in list(self.streams):
            one.finish()

    async def close(self) -> None:
        """Close every connection."""
        self.auth.close()
        await self.live.close()
        await self.valkey.close()
        await self.database.close()


async def build(settings: Settings, servers: Servers) -> Program:
    """Return the program over its servers, migrating first where it may."""
    start_logging(level=settings.log_level, as_json=settings.is_production)
    settings = with_secrets(settings)
    await bring_up(settings, servers.database_url, servers.owner_url)
    database = await Database.open(servers.database_url)
    await _refuse_danger(database)
    valkey = await Valkey.open(servers.redis_url)
    limits = Limits.of(settings, Limiter(valkey))
    auth = Auth.build(settings, database, limits=limits, reactions=[KeepProfile()])
    health = Health(
        needed={"database": lambda: database_is_there(database)}, useful={"valkey": valkey.answers}
    )
    query = Query(Compiler())
    mutate = Mutate(query)
    live = LiveParts.begin(
        database, query, valkey, redis_url=servers.redis_url, kept_days=settings.events_retention_days
    )
    rest = Rest(CATALOG, database, query, mutate, auth.identify)
    shared = _Shared(settings, rest, auth, limits, valkey, live, Clients.behind(settings.trusted_proxies))
    services = list(_services(shared))
    router = Router([health.area(), *(area for areas, _ in services for area in areas)])
    held = {path: take for _, sockets in services for path, take in sockets.items()}
    origins = Origins(frozenset(settings.cors_origins), any_local=not settings.is_production)
    edge = Edge(router, origins, shared.clients, shows_stack=not settings.is_production, sockets=held)
    return Program(edge, database, auth, valkey, live, shared.streams)


@dataclass(frozen=True)
class _Shared:
    """What the services are made of."""

    settings: Settings
    rest: Rest
    auth: Auth
    limits: Limits
    valkey: Valkey
    live: LiveParts
    clients: Clients
    streams: set[EventStream] = field(default_factory=set)
    """The answers without an end that are under way."""


def _services(shared: _Shared) -> Iterator[tuple[tuple[Area, ...], dict[str, TakeSocket]]]:
    """Yield what each of the services to run answers, and which sockets it takes."""
    settings, rest, auth = shared.settings, shared.rest, shared.auth
    if "api" in settings.services:
        yield _api(shared)
    if "auth" in settings.services:
        yield (auth_area(auth),), {}
    if "realtime" in settings.services:
        held, broadcasts = sockets(shared.live, rest.database, rest.mutate, auth.tokens)
        yield (broadcasts,), held
    if "web" in settings.services:
        api = {"Try the API": "/docs", "The API's description": "/openapi.json"}
        if not settings.is_production:
            api["Try GraphQL"] = "/graphql"
        links = {"Is it up?": "/healthz", "Can it answer?": "/readyz"}
        page = landing(settings, {**(api if "api" in settings.services else {}), **links})
        yield (page,), {}


def _api(shared: _Shared) -> tuple[tuple[Area, ...], dict[str, TakeSocket]]:
    rest, live = shared.rest, shared.live
    actions = UserActions(shared.auth.accounts)
    streams = EventStreams(rest, live.hub, shared.streams)
    people = UserRoutes(rest, actions).overrides
    own = {**people, **NotificationRoutes(rest).overrides, **streams.overrides}
    graphql = graphql_parts(
        shared.settings,
        rest,
        actions,
        limits=shared.limits,
        valkey=shared.valkey,
        live=live,
        streams=shared.streams,
        verify=shared.auth.tokens.verify,
        client_of=shared.clients,
    )
    areas = rest_area(rest, own, Limited(shared.limits)), openapi.area(openapi_document), graphql.area
    return areas, graphql.sockets


async def _refuse_danger(database: Database) -> None:
    for finding in await look_over(database):
        if finding.is_dangerous:
            await database.close()
            raise WrongSetting(f"DATABASE_URL: {finding} See `monynha doctor`.")
