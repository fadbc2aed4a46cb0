"""GraphQL over the engine: a document in, an answer out, whatever brought it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graphql import OperationDefinitionNode, OperationType

from monynha.core.actor import Actor
from monynha.core.errors import BadRequestError, MethodNotAllowedError, UnauthenticatedError
from monynha.infra.postgres.database import ActorConnection, Database
from monynha.protocols.graphql.errors import RequestError, encode_response, format_error
from monynha.protocols.graphql.execution.context import ExecutionContext
from monynha.protocols.graphql.execution.document import Document, DocumentLoader
from monynha.protocols.graphql.execution.mutation_executor import MutationExecutor
from monynha.protocols.graphql.execution.plan import QueryPlan, QueryPlanner
from monynha.protocols.graphql.subscriptions.plan import SubscriptionPlanner
from monynha.protocols.graphql.subscriptions.subscription import (
    GraphQLSubscription,
    ResultSink,
    SubscriptionServices,
)
from monynha.protocols.graphql.transport.persisted_queries import PersistedQueries
from monynha.protocols.graphql.transport.request_params import RequestParams
from monynha.protocols.http.request import Request

ROWS_PER_REQUEST = 1000
"""For how many rows a query counts as one request more."""
_STREAM_REQUIRED = "The answers of a subscription have no end: ask over a WebSocket, or with Accept: text/event-stream."
CountRequests = Callable[[Request, Actor, int], Awaitable[tuple[tuple[str, str], ...]]]
"""Counts so many requests of an actor, and returns the headers that tell what is left."""


@dataclass(frozen=True, eq=False)
class PreparedOperation:
    """A document that was read for somebody: which of its operations is to run, and with what."""

    document: Document
    operation: OperationDefinitionNode
    context: ExecutionContext
    connection: ActorConnection | None

    @property
    def is_subscription(self) -> bool:
        """Whether it has answers without an end."""
        return self.operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class GraphQLExecutor:
    """Answers documents."""

    database: Database
    persisted_queries: PersistedQueries
    document_loader: DocumentLoader
    query_planner: QueryPlanner
    mutation_executor: MutationExecutor
    subscription_planner: SubscriptionPlanner
    subscription_services: SubscriptionServices
    count_requests: CountRequests

    async def prepare(self, params: RequestParams, actor: Actor) -> PreparedOperation:
        """Read what somebody sent (Refused)."""
        connection = None if actor.is_anonymous else self.database.as_actor(actor)
        try:
            text = await self.persisted_queries.resolve(params.query, params.sha256_hash)
            document = await self.document_loader.load(text, actor.id)
            operation = document.get_operation(params.operation_name)
            variables = self.document_loader.coerce_variables(document, operation, params.variables)
        except RequestError:
            await _check_session(connection)
            raise
        if params.sha256_hash is not None and params.query is not None and not actor.is_anonymous:
            await self.persisted_queries.store(text, params.sha256_hash)
        return PreparedOperation(document, operation, ExecutionContext(actor, variables, params.variables), connection)

    async def execute(self, prepared: PreparedOperation, request: Request, *, allows_mutations: bool = True) -> bytes:
        """Return the whole answer; Refused where nothing was executed."""
        try:
            if prepared.is_subscription:
                raise RequestError.from_error(BadRequestError(_STREAM_REQUIRED))
            if prepared.operation.operation is OperationType.QUERY:
                return await self._execute_query(prepared, request)
            steps = self.mutation_executor.plan(prepared.document, prepared.operation, prepared.context)
        except RequestError:
            await _check_session(prepared.connection)
            raise
        if not allows_mutations:
            raise MethodNotAllowedError(("POST",))
        return await self.mutation_executor.execute(steps, prepared.context, prepared.connection, request)

    async def create_subscription(self, prepared: PreparedOperation, sink: ResultSink) -> GraphQLSubscription:
        """Return a subscription that will tell the sink once it is started (Refused)."""
        if prepared.connection is None:
            raise UnauthenticatedError()
        try:
            plan = self.subscription_planner.plan(prepared.document, prepared.operation, prepared.context)
        except RequestError:
            await _check_session(prepared.connection)
            raise
        return GraphQLSubscription(self.subscription_services, plan, prepared.connection, sink)

    async def _execute_query(self, prepared: PreparedOperation, request: Request) -> bytes:
        context, connection = prepared.context, prepared.connection
        plan = self.query_planner.get_plan(prepared.document, prepared.operation, context)
        values = plan.resolve_binds(context)
        if not plan.row_keys:
            if connection is not None:
                await connection.require_live_session()
            return b'{"data":' + plan.result_without_rows(context) + b"}"
        if connection is None:
            return _unauthenticated_result(plan, context, request.id)
        if plan.cost >= ROWS_PER_REQUEST:
            await self.count_requests(request, context.actor, plan.cost // ROWS_PER_REQUEST)
        data = await connection.fetch_json(plan.text, values, is_light=plan.is_light)
        assert data is not None
        return b'{"data":' + data + b"}"


async def _check_session(connection: ActorConnection | None) -> None:
    """Refuse whose session is over before anything is said against their document (Unauthenticated)."""
    if connection is not None:
        await connection.require_live_session()


def _unauthenticated_result(plan: QueryPlan, context: ExecutionContext, request_id: str) -> bytes:
    """Return what somebody hears who is not signed in: an error for each root field that reads rows."""
    errors = [format_error(UnauthenticatedError(), (label,), request_id) for label in plan.row_keys]
    data = b"null"
    if plan.nullable_keys.issuperset(plan.row_keys):
        data = plan.result_without_rows(context)
    return encode_response(errors, data)
