"""The program as an ASGI application: every part made once and handed to those that need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monynha.app.catalog import CATALOG
from monynha.app.migrate import is_current, migrate
from monynha.core.errors import WrongSetting
from monynha.core.settings import Settings
from monynha.core.telemetry import start_logging
from monynha.domains.auth.tokens import AccessTokens, Identify
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import Mutate
from monynha.engine.query import Query
from monynha.infra.embedded import Servers, with_secrets
from monynha.infra.postgres.database import Database, database_is_there
from monynha.protocols.http.client import Clients
from monynha.protocols.http.cors import Origins
from monynha.protocols.http.edge import Edge
from monynha.protocols.http.health import Health
from monynha.protocols.http.router import Router
from monynha.protocols.rest.handlers import Rest
from monynha.protocols.rest.routes import area as rest_area


@dataclass(frozen=True)
class Program:
    """The running program: answers requests, and gives back its connections at the end."""

    edge: Edge
    database: Database

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        await self.edge(scope, receive, send)

    async def close(self) -> None:
        """Close every connection."""
        await self.database.close()


async def build(settings: Settings, servers: Servers) -> Program:
    """Return the program over its servers, migrating first where it may."""
    start_logging(level=settings.log_level, as_json=settings.is_production)
    settings = with_secrets(settings)
    await _bring_up(settings, servers)
    database = await Database.open(servers.database_url)
    tokens = AccessTokens(
        settings.jwt_secret, issuer=f"{settings.site_url}/auth/v1", ttl_s=settings.access_token_ttl_s
    )
    query = Query(Compiler())
    rest = Rest(CATALOG, database, query, Mutate(query), Identify(tokens))
    health = Health(needed={"database": lambda: database_is_there(database)}, useful={})
    router = Router([health.area(), rest_area(rest, {})])
    origins = Origins(frozenset(settings.cors_origins), any_local=not settings.is_production)
    edge = Edge(
        router, origins, Clients.behind(settings.trusted_proxies), shows_stack=not settings.is_production
    )
    return Program(edge, database)


async def _bring_up(settings: Settings, servers: Servers) -> None:
    if settings.migrate == "auto":
        await migrate(servers.owner_url)
    elif not await is_current(servers.database_url):
        raise WrongSetting(
            "DATABASE_URL: the database is not at this release; run `monynha migrate`, "
            "or set MONYNHA_MIGRATE=auto."
        )
