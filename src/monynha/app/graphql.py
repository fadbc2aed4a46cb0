"""GraphQL put together: the schema of all domains, and the address that answers it."""

from __future__ import annotations

from monynha.app.catalog import CATALOG
from monynha.core.actor import Actor, ActorKind
from monynha.core.settings import Settings
from monynha.domains.users.actions import UserActions
from monynha.domains.users.graphql import OWN, UserMutations
from monynha.infra.valkey import Valkey
from monynha.protocols.graphql import graphiql
from monynha.protocols.graphql.changes import Changes
from monynha.protocols.graphql.document import Documents
from monynha.protocols.graphql.http import Endpoint
from monynha.protocols.graphql.persisted import Persisted
from monynha.protocols.graphql.plan import Plans
from monynha.protocols.graphql.schema import build_schema, sdl
from monynha.protocols.graphql.service import GraphQL
from monynha.protocols.http.limits import HeaderPairs, Limits
from monynha.protocols.http.request import Request
from monynha.protocols.http.router import Area
from monynha.protocols.rest.handlers import Rest


def schema_text() -> str:
    """Return the schema of all domains in its own language."""
    return sdl(build_schema(CATALOG, OWN))


def graphql_area(
    settings: Settings, rest: Rest, actions: UserActions, *, limits: Limits, valkey: Valkey
) -> Area:
    """Return the area `/graphql`, over what REST asks and changes with."""
    schema = build_schema(CATALOG, OWN)

    async def count(request: Request, actor: Actor, times: int) -> HeaderPairs:
        if actor.is_admin or actor.kind is ActorKind.SERVICE:
            return ()
        return await limits.api_request(request.client, actor.id, times)

    service = GraphQL(
        rest.database,
        Documents(schema, shows_schema=not settings.is_production),
        Plans(schema, rest.query.compiler),
        Changes(schema, rest.mutate, UserMutations(rest.mutate, actions).runs),
        count,
    )
    persisted = Persisted(valkey)
    if settings.is_production:
        return Endpoint(service, rest.identify, persisted).area()
    return Endpoint(service, rest.identify, persisted, graphiql.page()).area(graphiql.parts())
