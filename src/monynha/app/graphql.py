"""GraphQL put together: the schema of all domains, and the address that answers it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphql import GraphQLSchema

from monynha.app.catalog import CATALOG, GESTURES
from monynha.app.live import LiveParts
from monynha.core.actor import Actor, ActorKind
from monynha.core.settings import Settings
from monynha.domains.notifications.graphql import OWN as OF_NOTIFICATIONS
from monynha.domains.notifications.graphql import NotificationMutations
from monynha.domains.users.actions import UserActions
from monynha.domains.users.graphql import OWN as OF_USERS
from monynha.domains.users.graphql import UserMutations
from monynha.infra.valkey import Valkey
from monynha.protocols.graphql import graphiql
from monynha.protocols.graphql.changes import Changes
from monynha.protocols.graphql.document import Documents
from monynha.protocols.graphql.events import Events
from monynha.protocols.graphql.http import PATH, Endpoint
from monynha.protocols.graphql.persisted import Persisted
from monynha.protocols.graphql.plan import Plans
from monynha.protocols.graphql.schema import build_schema, sdl
from monynha.protocols.graphql.service import GraphQL
from monynha.protocols.graphql.socket import GraphQLSocket
from monynha.protocols.graphql.subscription import Listening
from monynha.protocols.graphql.teller import Teller
from monynha.protocols.graphql.telling import Tellings
from monynha.protocols.http.edge import TakeSocket
from monynha.protocols.http.event_stream import EventStream
from monynha.protocols.http.limits import HeaderPairs, Limits
from monynha.protocols.http.request import Request, Scope
from monynha.protocols.http.router import Area
from monynha.protocols.rest.handlers import Rest


def whole_schema() -> GraphQLSchema:
    """Return the schema of all domains."""
    return build_schema(CATALOG, (*OF_USERS, *OF_NOTIFICATIONS), GESTURES)


def schema_text() -> str:
    """Return the schema of all domains in its own language."""
    return sdl(whole_schema())


@dataclass(frozen=True)
class GraphQLParts:
    """What answers `/graphql`, as HTTP and as sockets."""

    area: Area
    sockets: dict[str, TakeSocket]


def graphql_parts(
    settings: Settings,
    rest: Rest,
    actions: UserActions,
    *,
    limits: Limits,
    valkey: Valkey,
    live: LiveParts,
    streams: set[EventStream],
    verify: Callable[[str], Actor],
    client_of: Callable[[Scope], str],
) -> GraphQLParts:
    """Return the address `/graphql`, over what REST asks and changes with."""
    schema = whole_schema()

    async def count(request: Request, actor: Actor, times: int) -> HeaderPairs:
        if actor.is_admin or actor.kind is ActorKind.SERVICE:
            return ()
        return await limits.api_request(request.client, actor.id, times)

    users, notifications = UserMutations(rest.mutate, actions), NotificationMutations(rest.mutate)
    service = GraphQL(
        rest.database,
        Persisted(valkey),
        Documents(schema, shows_schema=not settings.is_production),
        Plans(schema, rest.query.compiler),
        Changes(schema, rest.mutate, {**users.runs, **notifications.runs}, notifications.deeds),
        Tellings(schema, rest.query.compiler, live.hub.rights.roots),
        Listening(live.hub, live.rooms, Teller()),
        count,
    )
    events = Events(service, streams)
    sockets: dict[str, TakeSocket] = {PATH: GraphQLSocket(service, verify, client_of)}
    if settings.is_production:
        return GraphQLParts(Endpoint(service, rest.identify, events).area(), sockets)
    page = Endpoint(service, rest.identify, events, graphiql.page())
    return GraphQLParts(page.area(graphiql.parts()), sockets)
