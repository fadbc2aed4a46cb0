"""The program as an ASGI application: every part made once and handed to those that need it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterator
from dataclasses import dataclass, field
from typing import Any

from monynha.app.composition.catalog import CATALOG
from monynha.app.composition.graphql import graphql_routes
from monynha.app.composition.landing_page import landing_page
from monynha.app.composition.realtime import RealtimeServices, realtime_routes
from monynha.app.docs.openapi import openapi_document
from monynha.app.maintenance.migration import migrate_or_check
from monynha.core.errors import SettingsError
from monynha.core.logs import configure_logging
from monynha.core.settings.settings import Settings
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http import route_group as auth_area
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.domains.users.actions import UserActions
from monynha.domains.users.http import UserRoutes
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.embedded import ServerUrls, with_jwt_secret
from monynha.infra.postgres.advisor import audit_database
from monynha.infra.postgres.database import Database, is_database_reachable
from monynha.infra.valkey import RateLimiter, ValkeyClient
from monynha.protocols import openapi
from monynha.protocols.http.application import HttpApplication, WebSocketHandler
from monynha.protocols.http.client_ip import ClientIpResolver
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.health import HealthRoutes
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import RouteGroup, Router
from monynha.protocols.http.sse import SseStream
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.middleware import RateLimitMiddleware
from monynha.protocols.rest.routes import rest_routes as rest_area
from monynha.protocols.rest.sse import EventStreamEndpoints


@dataclass(frozen=True)
class Application:
    """The running program: answers requests, and gives back what it holds at the end."""

    http: HttpApplication
    database: Database
    auth: AuthServices
    valkey: ValkeyClient
    realtime: RealtimeServices
    open_streams: set[SseStream]

    def __call__(self, scope: Any, receive: Any, send: Any) -> Coroutine[Any, Any, None]:
        """Answer one request."""
        return self.http(scope, receive, send)

    def begin_shutdown(self) -> None:
        """End what would go on without an end; sockets are told by the server itself."""
        for stream in list(self.open_streams):
            stream.close()

    async def close(self) -> None:
        """Close every connection."""
        self.auth.close()
        await self.realtime.close()
        await self.valkey.close()
        await self.database.close()


async def build(settings: Settings, server_urls: ServerUrls) -> Application:
    """Return the program over its servers, migrating first where it may."""
    configure_logging(level=settings.log_level, as_json=settings.is_production)
    settings = with_jwt_secret(settings)
    await migrate_or_check(settings, server_urls.database_url, server_urls.owner_url)
    database = await Database.open(server_urls.database_url)
    await _refuse_dangerous_database(database)
    valkey = await ValkeyClient.open(server_urls.redis_url)
    rate_limits = RateLimits.from_settings(settings, RateLimiter(valkey))
    health = HealthRoutes(
        required={"database": lambda: is_database_reachable(database)},
        optional={"valkey": valkey.is_reachable},
    )
    query = Queries(Compiler())
    mutate = Mutations(query)
    realtime = RealtimeServices.start(
        database,
        query,
        valkey,
        redis_url=server_urls.redis_url,
        retention_days=settings.events_retention_days,
    )
    database = database.with_on_commit(realtime.notifier.on_commit)
    auth = AuthServices.build(settings, database, limits=rate_limits, hooks=[ProfileHooks()])
    rest = RestContext(CATALOG, database, query, mutate, auth.authenticate)
    dependencies = _ServiceDependencies(
        settings,
        rest,
        auth,
        rate_limits,
        valkey,
        realtime,
        ClientIpResolver.trusting(settings.trusted_proxies),
    )
    services = list(_enabled_services(dependencies))
    router = Router([health.route_group(), *(area for areas, _ in services for area in areas)])
    websocket_handlers = {path: handler for _, sockets in services for path, handler in sockets.items()}
    origins = CorsPolicy(frozenset(settings.cors_origins), allows_localhost=not settings.is_production)
    http = HttpApplication(
        router,
        origins,
        dependencies.clients,
        shows_stack=not settings.is_production,
        websocket_handlers=websocket_handlers,
    )
    return Application(http, database, auth, valkey, realtime, dependencies.open_streams)


@dataclass(frozen=True)
class _ServiceDependencies:
    """What the services are made of."""

    settings: Settings
    rest: RestContext
    auth: AuthServices
    rate_limits: RateLimits
    valkey: ValkeyClient
    realtime: RealtimeServices
    clients: ClientIpResolver
    open_streams: set[SseStream] = field(default_factory=set)
    """The answers without an end that are under way."""


def _enabled_services(
    dependencies: _ServiceDependencies,
) -> Iterator[tuple[tuple[RouteGroup, ...], dict[str, WebSocketHandler]]]:
    """Yield what each of the services to run answers, and which sockets it takes."""
    settings, rest, auth = dependencies.settings, dependencies.rest, dependencies.auth
    if "api" in settings.services:
        yield _api(dependencies)
    if "auth" in settings.services:
        yield (auth_area(auth),), {}
    if "realtime" in settings.services:
        websocket_handlers, broadcast_routes = realtime_routes(
            dependencies.realtime, rest.database, rest.mutations, auth.tokens
        )
        yield (broadcast_routes,), websocket_handlers
    if "web" in settings.services:
        api_links = {"Try the API": "/docs", "The API's description": "/openapi.json"}
        if not settings.is_production:
            api_links["Try GraphQL"] = "/graphql"
        links = {"Is it up?": "/healthz", "Can it answer?": "/readyz"}
        page_routes = landing_page(settings, {**(api_links if "api" in settings.services else {}), **links})
        yield (page_routes,), {}


def _api(dependencies: _ServiceDependencies) -> tuple[tuple[RouteGroup, ...], dict[str, WebSocketHandler]]:
    rest, realtime = dependencies.rest, dependencies.realtime
    actions = UserActions(dependencies.auth.accounts)
    event_streams = EventStreamEndpoints(rest, realtime.hub, dependencies.open_streams)
    user_routes = UserRoutes(rest, actions).overrides
    overrides = {**user_routes, **NotificationRoutes(rest).overrides, **event_streams.overrides}
    graphql = graphql_routes(
        dependencies.settings,
        rest,
        actions,
        rate_limits=dependencies.rate_limits,
        valkey=dependencies.valkey,
        realtime=realtime,
        open_streams=dependencies.open_streams,
        verify=dependencies.auth.tokens.verify,
        client_ip_of=dependencies.clients,
    )
    areas = (
        rest_area(rest, overrides, RateLimitMiddleware(dependencies.rate_limits)),
        openapi.docs_route_group(openapi_document),
        graphql.routes,
    )
    return areas, graphql.sockets


async def _refuse_dangerous_database(database: Database) -> None:
    for finding in await audit_database(database):
        if finding.is_dangerous:
            await database.close()
            raise SettingsError(f"DATABASE_URL: {finding} See `monynha doctor`.")
