"""Builds GraphQL: the schema of all domains, and the route and WebSocket endpoint that serve it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monynha.app.catalog import CATALOG, EPHEMERAL_EVENTS
from monynha.app.composition.domain_actions import DomainActions
from monynha.app.composition.realtime import RealtimeServices
from monynha.core.actor import Actor
from monynha.core.settings.settings import Settings
from monynha.domains.invitations.graphql import CUSTOM_MUTATIONS as INVITATION_MUTATIONS
from monynha.domains.invitations.graphql import InvitationMutations
from monynha.domains.jobs.graphql import CUSTOM_MUTATIONS as JOB_MUTATIONS
from monynha.domains.jobs.graphql import row_actions as job_actions
from monynha.domains.notifications.graphql import CUSTOM_MUTATIONS as NOTIFICATION_MUTATIONS
from monynha.domains.notifications.graphql import NotificationMutations
from monynha.domains.people.graphql import CUSTOM_MUTATIONS as PEOPLE_MUTATIONS
from monynha.domains.people.graphql import PeopleMutations
from monynha.domains.sessions.graphql import BULK_ACTIONS as SESSION_ACTIONS
from monynha.domains.sessions.graphql import CUSTOM_MUTATIONS as SESSION_MUTATIONS
from monynha.domains.users.graphql import CUSTOM_MUTATIONS as USER_MUTATIONS
from monynha.domains.users.graphql import UserMutations
from monynha.infra.valkey import ValkeyClient
from monynha.protocols.graphql.execution.document import DocumentLoader
from monynha.protocols.graphql.execution.mutation_executor import MutationExecutor
from monynha.protocols.graphql.execution.plan import QueryPlanner
from monynha.protocols.graphql.executor import GraphQLExecutor
from monynha.protocols.graphql.schema.builder import build_schema, print_sdl
from monynha.protocols.graphql.schema.field_bindings import ApiSchema
from monynha.protocols.graphql.subscriptions.plan import SubscriptionPlanner
from monynha.protocols.graphql.subscriptions.single_flight import EventQueryRunner
from monynha.protocols.graphql.subscriptions.subscription import SubscriptionServices
from monynha.protocols.graphql.transport import graphiql
from monynha.protocols.graphql.transport.http import PATH, GraphQLEndpoint
from monynha.protocols.graphql.transport.persisted_queries import PersistedQueries
from monynha.protocols.graphql.transport.sse import SseTransport
from monynha.protocols.graphql.transport.transport_ws import GraphQLSocketEndpoint
from monynha.protocols.http.application import WebSocketHandler
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.request import Scope
from monynha.protocols.http.router import RouteGroup
from monynha.protocols.http.sse import SseStream
from monynha.protocols.rest.context import RestContext


def full_schema() -> ApiSchema:
    """Return the schema of all domains."""
    mutations = (
        *USER_MUTATIONS,
        *SESSION_MUTATIONS,
        *PEOPLE_MUTATIONS,
        *INVITATION_MUTATIONS,
        *JOB_MUTATIONS,
        *NOTIFICATION_MUTATIONS,
    )
    return build_schema(CATALOG, mutations, EPHEMERAL_EVENTS)


def schema_text() -> str:
    """Return the schema of all domains in the schema definition language."""
    return print_sdl(full_schema())


@dataclass(frozen=True)
class GraphQLRoutes:
    """What serves `/graphql`: HTTP routes, and WebSocket handlers by path."""

    routes: RouteGroup
    sockets: dict[str, WebSocketHandler]


def graphql_routes(
    settings: Settings,
    rest: RestContext,
    actions: DomainActions,
    *,
    rate_limits: RateLimits,
    valkey: ValkeyClient,
    realtime: RealtimeServices,
    open_streams: set[SseStream],
    verify: Callable[[str], Actor],
    client_ip_of: Callable[[Scope], str],
) -> GraphQLRoutes:
    """Build what serves `/graphql`, on the queries and mutations of REST."""
    executor = _graphql_executor(settings, rest, actions, rate_limits=rate_limits, valkey=valkey, realtime=realtime)
    events = SseTransport(executor, open_streams)
    sockets: dict[str, WebSocketHandler] = {PATH: GraphQLSocketEndpoint(executor, verify, client_ip_of)}
    if settings.is_production:
        return GraphQLRoutes(GraphQLEndpoint(executor, rest.authenticate, events).route_group(), sockets)
    endpoint = GraphQLEndpoint(executor, rest.authenticate, events, graphiql.page_response())
    return GraphQLRoutes(endpoint.route_group(graphiql.assets_route()), sockets)


def _graphql_executor(
    settings: Settings,
    rest: RestContext,
    actions: DomainActions,
    *,
    rate_limits: RateLimits,
    valkey: ValkeyClient,
    realtime: RealtimeServices,
) -> GraphQLExecutor:
    schema = full_schema()
    user_mutations = UserMutations(rest.mutations, actions.users)
    people_mutations = PeopleMutations(actions.people)
    invitation_mutations = InvitationMutations(actions.invitations, rest.mutations)
    notification_mutations = NotificationMutations(rest.mutations)
    return GraphQLExecutor(
        rest.database,
        PersistedQueries(valkey),
        DocumentLoader(schema, allows_introspection=not settings.is_production),
        QueryPlanner(schema, rest.queries.compiler),
        MutationExecutor(
            schema,
            rest.mutations,
            {
                **user_mutations.resolvers,
                **people_mutations.resolvers,
                **invitation_mutations.resolvers,
                **notification_mutations.resolvers,
            },
            {**notification_mutations.bulk_actions, **SESSION_ACTIONS},
            {**people_mutations.row_actions, **job_actions(rest.queries), **invitation_mutations.row_actions},
            invitation_mutations.reference_actions,
        ),
        SubscriptionPlanner(schema, rest.queries.compiler, realtime.hub.authorizer.roots),
        SubscriptionServices(realtime.hub, realtime.broadcast, EventQueryRunner()),
        rate_limits,
        settings.read_deadline_s,
        settings.write_deadline_s,
    )
