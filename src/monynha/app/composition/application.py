"""The composition root: builds every part of the program once and connects them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from monynha.app.catalog import CATALOG
from monynha.app.composition.consent_page import ConsentPage
from monynha.app.composition.cookie_sessions import cookie_sessions
from monynha.app.composition.domain_actions import DomainActions
from monynha.app.composition.graphql import graphql_routes
from monynha.app.composition.invitation_page import InvitationPage
from monynha.app.composition.jobs import job_handlers, start_worker
from monynha.app.composition.landing_page import landing_page
from monynha.app.composition.mail import email_sender
from monynha.app.composition.mailbox_page import MailboxPages
from monynha.app.composition.openapi import openapi_document
from monynha.app.composition.realtime import RealtimeServices, realtime_routes
from monynha.app.composition.schedules import start_scheduler
from monynha.app.composition.unsubscribe_page import UnsubscribePage
from monynha.app.maintenance.migration import migrate_or_check
from monynha.core.errors import SettingsError
from monynha.core.logs import EventLog, configure_logging, flush_logs
from monynha.core.settings.settings import Settings
from monynha.domains.audit.http import AuditRoutes
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http import route_group as auth_routes
from monynha.domains.auth.http import site_route_group as auth_site_routes
from monynha.domains.auth.http.api_tokens import ApiTokenRoutes
from monynha.domains.exports.data_exports import DataExports
from monynha.domains.exports.http import ExportRoutes
from monynha.domains.files.composition import FileServices, image_pool, object_hook
from monynha.domains.files.http import AvatarRoutes, FileRoutes
from monynha.domains.invitations.http import InvitationRoutes
from monynha.domains.invitations.invited_addresses import InvitedAddresses
from monynha.domains.invitations.visits import InvitationVisits
from monynha.domains.jobs.http import JobRoutes
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.people.http import PeopleRoutes
from monynha.domains.reports.http import AnalyticsRoutes
from monynha.domains.reports.unsubscriptions import UnsubscribeLinks, Unsubscriptions
from monynha.domains.sessions.http import SessionRoutes
from monynha.domains.storage.composition import StorageServices
from monynha.domains.storage.http import route_group as storage_routes
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.rendering import ImageRenderer
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.domains.users.http import UserRoutes
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.answer_limits import AnswerLimits
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.embedded import ServerUrls, with_jwt_secret
from monynha.infra.postgres.advisor import audit_database
from monynha.infra.postgres.connect import with_session_setting
from monynha.infra.postgres.database import Database, is_database_reachable
from monynha.infra.postgres.probe import DatabaseProbe
from monynha.infra.queue.worker import Worker
from monynha.infra.storage import ObjectStore, open_store
from monynha.infra.valkey import RateLimiter, ValkeyClient
from monynha.protocols import openapi
from monynha.protocols.http.application import HttpApplication, WebSocketHandler
from monynha.protocols.http.client_ip import ClientIpOf, client_ip_resolver
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.deadlines import RequestDeadlines
from monynha.protocols.http.health import HealthRoutes
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request_log import RequestLog
from monynha.protocols.http.response import NO_SNIFFING, STRICT_TRANSPORT, Headers, encode_header_lines
from monynha.protocols.http.router import RouteGroup, Router
from monynha.protocols.http.sse import SseStream
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.routes import RouteOverrides, rest_routes
from monynha.protocols.rest.sse import EventStreamEndpoints


@dataclass(frozen=True)
class Application:
    """The assembled program: the HTTP application, and what must be closed at the end."""

    http: HttpApplication
    database: Database
    auth: AuthServices
    valkey: ValkeyClient
    realtime: RealtimeServices
    storage: StorageServices
    files: FileServices
    open_streams: set[SseStream]
    rate_limits: RateLimits
    database_probe: DatabaseProbe
    worker: Worker | None
    scheduler: asyncio.Task[None] | None

    def begin_shutdown(self) -> None:
        """End the event streams, which have no end of their own; the server closes the sockets. Begin no more jobs."""
        if self.scheduler:
            self.scheduler.cancel()
        if self.worker:
            self.worker.begin_stop()
        for stream in list(self.open_streams):
            stream.close()

    async def close(self) -> None:
        """Close every connection, after the last jobs have ended."""
        if self.scheduler:
            self.scheduler.cancel()
        if self.worker:
            await self.worker.stop()
        self.auth.close()
        self.database_probe.stop()
        await self.realtime.close()
        await self.files.close()
        await self.storage.close()
        await self.rate_limits.close()
        await self.valkey.close()
        await self.database.close()
        flush_logs()


async def build(settings: Settings, server_urls: ServerUrls) -> Application:
    """Build the program on its servers, after migrating the database where the settings allow it.

    Raises SettingsError if the program must not start with these settings or this database.
    """
    event_log = configure_logging(level=settings.log_level, as_json=settings.is_production)
    settings = with_jwt_secret(settings)
    sender = email_sender(settings)
    store = open_store(settings.storage_url)
    database = await _open_database(settings, server_urls)
    valkey = await ValkeyClient.open(server_urls.redis_url)
    rate_limits = RateLimits.from_settings(settings, RateLimiter(valkey))
    queries = Queries(Compiler(AnswerLimits(settings.max_answer_characters, settings.max_answer_bytes)))
    realtime = RealtimeServices.start(database, queries, valkey, redis_url=server_urls.redis_url)
    database = database.with_on_commit(realtime.notifier.on_commit)
    auth = await _start_auth(settings, database, rate_limits)
    storage = StorageServices.build(settings, database, store, hooks=[object_hook(settings)])
    files = FileServices.build(settings, database, storage, image_pool(settings))
    database = database.with_on_commit(files.on_commit)
    rest = RestContext(CATALOG, database, queries, Mutations(queries), auth.authenticate, rate_limits)
    client_ip_of = client_ip_resolver(settings.trusted_proxies)
    dependencies = _Dependencies(
        settings, rest, auth, rate_limits, valkey, realtime, storage, files, client_ip_of, event_log
    )
    handlers = job_handlers(settings, database, queries, sender, storage, files)
    http = _http_application(dependencies, _health_routes(probe := _start_probe(database), valkey, store))
    return Application(
        http,
        database,
        auth,
        valkey,
        realtime,
        storage,
        files,
        dependencies.open_streams,
        rate_limits,
        probe,
        start_worker(settings, database, realtime.hub, handlers),
        start_scheduler(settings, database),
    )


async def _start_auth(settings: Settings, database: Database, rate_limits: RateLimits) -> AuthServices:
    """Build auth with what later domains add (profiles, and who is invited), and read its keys."""
    auth = AuthServices.build(
        settings, database, limits=rate_limits, hooks=[ProfileHooks()], invitations=[InvitedAddresses()]
    )
    await auth.start()
    return auth


def _start_probe(database: Database) -> DatabaseProbe:
    probe = DatabaseProbe(lambda: is_database_reachable(database))
    probe.start()
    return probe


async def _open_database(settings: Settings, server_urls: ServerUrls) -> Database:
    """Open the database, migrated where the settings allow it; SettingsError if it must not be used."""
    await migrate_or_check(settings, server_urls.database_url, server_urls.owner_url)
    await _refuse_dangerous_database(server_urls.database_url)
    required_of = ",".join(sorted(settings.require_mfa))
    return await Database.open(with_session_setting(server_urls.database_url, "monynha.require_mfa", required_of))


def _health_routes(probe: DatabaseProbe, valkey: ValkeyClient, store: ObjectStore) -> RouteGroup:
    """Build `/healthz` and `/readyz`: without the database the program is not ready.

    Without Valkey it is only slower, and without the object store it serves everything but files.
    """
    return HealthRoutes(
        required={"database": probe.is_responding},
        optional={"valkey": valkey.is_reachable, "storage": store.is_reachable},
    ).route_group()


@dataclass(frozen=True)
class _Dependencies:
    """What the services are built from."""

    settings: Settings
    rest: RestContext
    auth: AuthServices
    rate_limits: RateLimits
    valkey: ValkeyClient
    realtime: RealtimeServices
    storage: StorageServices
    files: FileServices
    client_ip_of: ClientIpOf
    event_log: EventLog
    open_streams: set[SseStream] = field(default_factory=set)
    """The event streams that are being sent."""


@dataclass(frozen=True)
class _Service:
    """The routes and WebSocket endpoints of one of MONYNHA_SERVICES."""

    route_groups: tuple[RouteGroup, ...]
    websocket_handlers: Mapping[str, WebSocketHandler] = field(default_factory=dict)


def _enabled_services(dependencies: _Dependencies) -> Iterator[_Service]:
    """Yield the services that this process runs."""
    settings, rest, auth = dependencies.settings, dependencies.rest, dependencies.auth
    if "api" in settings.services:
        yield _api_service(dependencies)
    if "auth" in settings.services:
        yield _Service((auth_routes(auth), auth_site_routes(auth), *_consent_pages(settings, auth)))
    if "realtime" in settings.services:
        websocket_handlers, broadcast_routes = realtime_routes(
            dependencies.realtime, rest.database, rest.mutations, auth.tokens
        )
        yield _Service((broadcast_routes,), websocket_handlers)
    if "storage" in settings.services:
        storage = dependencies.storage
        renderer = ImageRenderer(storage.store, dependencies.files.images)
        context = StorageContext(storage, auth.authenticate, dependencies.rate_limits, settings.site_url, renderer)
        yield _Service((storage_routes(context),))
    if "web" in settings.services:
        unsubscribe_page = UnsubscribePage(UnsubscribeLinks(settings.jwt_secret), Unsubscriptions(rest.database))
        visits = InvitationVisits(rest.database, auth, _domain_actions(dependencies).invitations)
        page_groups = (unsubscribe_page.route_group, InvitationPage(visits).route_group)
        yield _Service((landing_page(settings), *page_groups))


def _consent_pages(settings: Settings, auth: AuthServices) -> tuple[RouteGroup, ...]:
    """Return the page that asks for consent, unless the site has one of its own."""
    if not settings.oauth_server or settings.oauth_consent_url:
        return ()
    return (ConsentPage(auth, settings.site_url).route_group,)


def _api_service(dependencies: _Dependencies) -> _Service:
    """Build REST, its documentation and GraphQL."""
    rest, realtime = dependencies.rest, dependencies.realtime
    actions = _domain_actions(dependencies)
    event_streams = EventStreamEndpoints(rest, realtime.hub, dependencies.open_streams)
    cookies = cookie_sessions(dependencies.settings, rest, dependencies.auth)
    files = FileRoutes(rest, dependencies.files, cookies.authenticate_reader)
    avatars = AvatarRoutes(rest, dependencies.files.avatars)
    graphql = graphql_routes(
        dependencies.settings,
        rest,
        actions,
        rate_limits=dependencies.rate_limits,
        valkey=dependencies.valkey,
        realtime=realtime,
        open_streams=dependencies.open_streams,
        verify=dependencies.auth.tokens.verify,
        client_ip_of=dependencies.client_ip_of,
    )
    overrides = {
        **_overrides(dependencies, actions),
        **files.overrides,
        **avatars.overrides,
        **event_streams.overrides,
    }
    route_groups = (
        rest_routes(rest, overrides),
        avatars.public_routes,
        files.read_routes,
        cookies.routes,
        openapi.docs_route_group(partial(openapi_document, dependencies.settings.password_min_length)),
        graphql.routes,
    )
    return _Service(route_groups, graphql.sockets)


def _overrides(dependencies: _Dependencies, actions: DomainActions) -> RouteOverrides:
    """Return the handlers of domains that replace derived ones, or that no resource derives."""
    rest = dependencies.rest
    return {
        **ApiTokenRoutes(rest, dependencies.auth.api_tokens).overrides,
        **UserRoutes(rest, actions.users).overrides,
        **PeopleRoutes(rest, actions.people).overrides,
        **InvitationRoutes(rest, actions.invitations).overrides,
        **JobRoutes(rest).overrides,
        **SessionRoutes(rest).overrides,
        **NotificationRoutes(rest).overrides,
        **AnalyticsRoutes(rest).overrides,
        **ExportRoutes(rest, DataExports.build(rest.database, rest.queries, dependencies.storage)).overrides,
        **AuditRoutes(rest).overrides,
    }


def _domain_actions(dependencies: _Dependencies) -> DomainActions:
    queries, auth = dependencies.rest.queries, dependencies.auth
    return DomainActions.build(dependencies.settings, queries, auth, dependencies.rate_limits)


def _http_application(dependencies: _Dependencies, health_routes: RouteGroup) -> HttpApplication:
    settings, services = dependencies.settings, list(_enabled_services(dependencies))
    mailbox_pages = MailboxPages.from_settings(settings)
    mailbox_groups = [mailbox_pages.route_group] if mailbox_pages else []
    return HttpApplication(
        Router([health_routes, *mailbox_groups, *(group for service in services for group in service.route_groups)]),
        CorsPolicy(frozenset(settings.cors_origins), allows_localhost=not settings.is_production),
        dependencies.client_ip_of,
        RequestDeadlines(settings.read_deadline_s, settings.write_deadline_s),
        request_log=RequestLog(dependencies.event_log),
        shows_stack=not settings.is_production,
        security_header_lines=encode_header_lines(_security_headers(settings)),
        websocket_handlers={
            path: handler for service in services for path, handler in service.websocket_handlers.items()
        },
        bearer_challenges=dependencies.auth.oauth_server.metadata.bearer_challenges(),
    )


def _security_headers(settings: Settings) -> Headers:
    """Return the headers of every response; behind TLS in production, browsers are told to stay with TLS."""
    is_behind_tls = settings.is_production and settings.site_url.startswith("https:")
    return (NO_SNIFFING, STRICT_TRANSPORT) if is_behind_tls else (NO_SNIFFING,)


async def _refuse_dangerous_database(url: str) -> None:
    """Raise SettingsError if something in the database would undo its row-level security.

    On connections of its own, since a server process that has read the whole catalogue keeps 12 MB of it.
    """
    database = await Database.open(url)
    try:
        dangers = [finding for finding in await audit_database(database) if finding.is_dangerous]
    finally:
        await database.close()
    if dangers:
        raise SettingsError(f"DATABASE_URL: {dangers[0]} See `monynha doctor`.")
