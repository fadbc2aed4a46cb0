"""The pipeline of a GraphQL request, whatever the transport: load → coerce variables → plan → execute.

`prepare` reads the document, `execute` returns the whole response of a query or mutation, `create_subscription`
one that publishes results until it is stopped.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from graphql import OperationDefinitionNode, OperationType

from monynha.core.errors import (
    AppError,
    BadRequestError,
    ForbiddenError,
    InsufficientAalError,
    MethodNotAllowedError,
    UnauthenticatedError,
)
from monynha.infra.postgres.database import ActorConnection, Database, check_session_before_error
from monynha.protocols.graphql.errors import RequestError, encode_response, format_error
from monynha.protocols.graphql.execution.context import Caller, ExecutionContext
from monynha.protocols.graphql.execution.document import Document, DocumentLoader
from monynha.protocols.graphql.execution.mutation_executor import MutationExecutor
from monynha.protocols.graphql.execution.plan import QueryPlan, QueryPlanner
from monynha.protocols.graphql.subscriptions.event_budget import EventBudget
from monynha.protocols.graphql.subscriptions.plan import SubscriptionPlanner
from monynha.protocols.graphql.subscriptions.subscription import (
    GraphQLSubscription,
    ResultSink,
    SubscriptionServices,
)
from monynha.protocols.graphql.transport.persisted_queries import PersistedQueries
from monynha.protocols.graphql.transport.request_params import RequestParams
from monynha.protocols.http.deadlines import deadline_error
from monynha.protocols.http.rate_limits import RateLimits

ROWS_PER_REQUEST = 1000
"""A query counts as one request more for each of so many rows that it may read."""
_STREAM_REQUIRED = "A subscription needs a transport for many results: use a WebSocket, or Accept: text/event-stream."


@dataclass(frozen=True, eq=False, slots=True)
class PreparedOperation:
    """A loaded document with the operation to run and its context; `connection` is None for anonymous callers."""

    document: Document
    operation: OperationDefinitionNode
    context: ExecutionContext
    connection: ActorConnection | None

    @property
    def is_query(self) -> bool:
        """Whether it only reads."""
        return self.operation.operation is OperationType.QUERY

    @property
    def is_subscription(self) -> bool:
        """Whether it has any number of results."""
        return self.operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class GraphQLExecutor:
    """Executes requests over the engine."""

    database: Database
    persisted_queries: PersistedQueries
    document_loader: DocumentLoader
    query_planner: QueryPlanner
    mutation_executor: MutationExecutor
    subscription_planner: SubscriptionPlanner
    subscription_services: SubscriptionServices
    rate_limits: RateLimits
    read_deadline_s: float = 10
    write_deadline_s: float = 15

    async def count_requests(self, caller: Caller, cost: int) -> bytes:
        """Count so many requests of a caller, and return the encoded rate limit headers (RateLimitedError)."""
        return await self.rate_limits.count_api_request(caller.client_ip, caller.actor, cost)

    async def prepare(self, params: RequestParams, caller: Caller) -> PreparedOperation:
        """Load the document and coerce the variables of a request (RequestError)."""
        actor = caller.actor
        connection = None if actor.is_anonymous else self.database.as_actor(actor)
        try:
            text = params.query
            if params.sha256_hash is not None:
                text = await self.persisted_queries.resolve(text, params.sha256_hash)
            # The parser of the parameters requires the query or its hash.
            assert text is not None
            document = await self.document_loader.load(text, actor.id)
            operation = document.get_operation(params.operation_name)
            variables = self.document_loader.coerce_variables(document, operation, params.variables)
        except RequestError:
            await check_session_before_error(connection)
            raise
        if params.sha256_hash is not None and params.query is not None and not actor.is_anonymous:
            await self.persisted_queries.store(text, params.sha256_hash)
        context = ExecutionContext(caller, variables, params.variables)
        return PreparedOperation(document, operation, context, connection)

    async def execute(self, prepared: PreparedOperation, *, allows_mutations: bool = True) -> bytes:
        """Return the whole response of a query or mutation; RequestError if nothing was executed."""
        context, connection = prepared.context, prepared.connection
        try:
            if prepared.is_subscription:
                raise RequestError.from_error(BadRequestError(_STREAM_REQUIRED))
            if prepared.is_query:
                return await self._execute_query(prepared)
            steps = self.mutation_executor.plan(prepared.document, prepared.operation, context)
        except RequestError:
            await check_session_before_error(connection)
            raise
        if not allows_mutations:
            raise MethodNotAllowedError(("POST",))
        return await self.mutation_executor.execute(steps, context, connection)

    async def execute_in_time(self, prepared: PreparedOperation) -> bytes:
        """Return the response as `execute` does; UnavailableError if it takes longer than a request may.

        For transports whose operations are no HTTP requests.
        """
        limit_s = self.read_deadline_s if prepared.is_query else self.write_deadline_s
        try:
            async with asyncio.timeout(limit_s):
                return await self.execute(prepared)
        except TimeoutError:
            raise deadline_error(limit_s) from None

    async def create_subscription(
        self, prepared: PreparedOperation, sink: ResultSink, *, event_budget: EventBudget | None = None
    ) -> GraphQLSubscription:
        """Return a subscription that sends its results to the sink once it is started (RequestError).

        A connection with several subscriptions has an `event_budget`; BadRequestError if it is used up.
        """
        if prepared.connection is None:
            raise UnauthenticatedError()
        try:
            plan = self.subscription_planner.plan(prepared.document, prepared.operation, prepared.context)
        except RequestError:
            await check_session_before_error(prepared.connection)
            raise
        if event_budget is not None:
            event_budget.add(plan)
        return GraphQLSubscription(
            self.subscription_services, plan, prepared.connection, sink, event_budget=event_budget
        )

    async def _execute_query(self, prepared: PreparedOperation) -> bytes:
        context, connection = prepared.context, prepared.connection
        plan = self.query_planner.get_plan(prepared.document, prepared.operation, context)
        binds = plan.query.bind(context)
        if not plan.row_keys:
            if connection is not None:
                await connection.require_live_session()
            return b'{"data":' + plan.result_without_rows(context) + b"}"
        if connection is None:
            return _refused_response(plan, context, UnauthenticatedError())
        if plan.query.cost >= ROWS_PER_REQUEST:
            await self.count_requests(context.caller, plan.query.cost // ROWS_PER_REQUEST)
        try:
            data = await connection.fetch_json(plan.query.text, binds, is_light=plan.query.is_light)
        except ForbiddenError as error:
            return _refused_response(plan, context, error)
        # A query without a scope always makes an object.
        assert data is not None
        null_keys = [key for key in plan.nullable_keys if f'"{key}":null'.encode() in data]
        if null_keys:
            try:
                await connection.explain_absence(binds)
            except InsufficientAalError as error:
                request_id = context.caller.request_id
                return encode_response([format_error(error, (key,), request_id) for key in null_keys], data)
        return b'{"data":' + data + b"}"


def _refused_response(plan: QueryPlan, context: ExecutionContext, error: AppError) -> bytes:
    """Return the response of a query that is refused as a whole: an error for each root field that reads rows."""
    request_id = context.caller.request_id
    errors = [format_error(error, (key,), request_id) for key in plan.row_keys]
    is_nullable = plan.nullable_keys.issuperset(plan.row_keys)
    return encode_response(errors, plan.result_without_rows(context) if is_nullable else b"null")
