"""The program as an ASGI application: every part made once and handed to those that need it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from monynha.app.catalog import CATALOG
from monynha.app.described import openapi_document
from monynha.app.graphql import graphql_area
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
from monynha.protocols.http.edge import Edge
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
    streams: EventStreams

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await self.edge(scope, receive, send)

    def leave(self) -> None:
        """End what would go on without an end; sockets are told by the server itself."""
        self.streams.close()

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
    streams = EventStreams(rest, live.hub)
    held, broadcasts = sockets(live, database, mutate, auth.tokens)
    areas = [health.area(), *_areas(settings, rest, auth, limits=limits, streams=streams, valkey=valkey)]
    is_live = "realtime" in settings.services
    router = Router([*areas, broadcasts] if is_live else areas)
    origins = Origins(frozenset(settings.cors_origins), any_local=not settings.is_production)
    clients = Clients.behind(settings.trusted_proxies)
    edge = Edge(
        router, origins, clients, shows_stack=not settings.is_production, sockets=held if is_live else {}
    )
    return Program(edge, database, auth, valkey, live, streams)


def _areas(
    settings: Settings,
    rest: Rest,
    auth: Auth,
    *,
    limits: Limits,
    streams: EventStreams,
    valkey: Valkey,
) -> Iterator[Area]:
    """Yield what each of the services to run answers."""
    if "api" in settings.services:
        actions = UserActions(auth.accounts)
        people = UserRoutes(rest, actions).overrides
        own = {**people, **NotificationRoutes(rest).overrides, **streams.overrides}
        yield rest_area(rest, own, Limited(limits))
        yield openapi.area(openapi_document)
        yield graphql_area(settings, rest, actions, limits=limits, valkey=valkey)
    if "auth" in settings.services:
        yield auth_area(auth)
    if "web" in settings.services:
        api = {"Try the API": "/docs", "The API's description": "/openapi.json"}
        if not settings.is_production:
            api["Try GraphQL"] = "/graphql"
        links = {"Is it up?": "/healthz", "Can it answer?": "/readyz"}
        yield landing(settings, {**(api if "api" in settings.services else {}), **links})


async def _refuse_danger(database: Database) -> None:
    for finding in await look_over(database):
        if finding.is_dangerous:
            raise WrongSetting(f"DATABASE_URL: {finding} See `monynha doctor`.")
