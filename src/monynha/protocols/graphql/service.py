"""GraphQL over the engine: a document in, an answer out, whatever brought it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graphql import OperationDefinitionNode, OperationType

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, MethodNotAllowed, Unauthenticated
from monynha.infra.postgres.database import Acting, Database
from monynha.protocols.graphql.asked import Asked
from monynha.protocols.graphql.changes import Changes
from monynha.protocols.graphql.document import Document, Documents
from monynha.protocols.graphql.errors import Refused, body_of, told
from monynha.protocols.graphql.persisted import Persisted
from monynha.protocols.graphql.plan import Plan, Plans
from monynha.protocols.graphql.sent import Sent
from monynha.protocols.graphql.subscription import Listening, Sink, Subscription
from monynha.protocols.graphql.telling import Tellings
from monynha.protocols.http.request import Request

ROWS_PER_REQUEST = 1000
"""For how many rows a query counts as one request more."""
_NEEDS_A_STREAM = (
    "The answers of a subscription have no end: ask over a WebSocket, or with Accept: text/event-stream."
)
Count = Callable[[Request, Actor, int], Awaitable[tuple[tuple[str, str], ...]]]
"""Counts so many requests of an actor, and returns the headers that tell what is left."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A document that was read for somebody: which of its operations is to run, and with what."""

    document: Document
    operation: OperationDefinitionNode
    asked: Asked
    acting: Acting | None

    @property
    def is_subscription(self) -> bool:
        """Whether it has answers without an end."""
        return self.operation.operation is OperationType.SUBSCRIPTION


@dataclass(frozen=True)
class GraphQL:
    """Answers documents."""

    database: Database
    persisted: Persisted
    documents: Documents
    plans: Plans
    changes: Changes
    tellings: Tellings
    listening: Listening
    count: Count

    async def prepare(self, sent: Sent, actor: Actor) -> Prepared:
        """Read what somebody sent (Refused)."""
        acting = None if actor.is_nobody else self.database.acting(actor)
        try:
            text = await self.persisted.text(sent.text, sent.digest)
            document = await self.documents.read(text, actor.id)
            operation = document.operation(sent.operation)
            variables = self.documents.variables(document, operation, sent.variables)
        except Refused:
            await _live_first(acting)
            raise
        if sent.digest is not None and sent.text is not None and not actor.is_nobody:
            await self.persisted.keep(text, sent.digest)
        return Prepared(document, operation, Asked(actor, variables, sent.variables), acting)

    async def answer(self, ready: Prepared, request: Request, *, may_change: bool = True) -> bytes:
        """Return the whole answer; Refused where nothing was executed."""
        try:
            if ready.is_subscription:
                raise Refused.for_fault(BadRequest(_NEEDS_A_STREAM))
            if ready.operation.operation is OperationType.QUERY:
                return await self._query(ready, request)
            steps = self.changes.plan(ready.document, ready.operation, ready.asked)
        except Refused:
            await _live_first(ready.acting)
            raise
        if not may_change:
            raise MethodNotAllowed(("POST",))
        return await self.changes.run(steps, ready.asked, ready.acting, request)

    async def subscription(self, ready: Prepared, sink: Sink) -> Subscription:
        """Return a subscription that will tell the sink once it is started (Refused)."""
        if ready.acting is None:
            raise Unauthenticated()
        try:
            telling = self.tellings.of(ready.document, ready.operation, ready.asked)
        except Refused:
            await _live_first(ready.acting)
            raise
        return Subscription(self.listening, telling, ready.acting, sink)

    async def _query(self, ready: Prepared, request: Request) -> bytes:
        asked, acting = ready.asked, ready.acting
        plan = self.plans.of(ready.document, ready.operation, asked)
        values = plan.values(asked)
        if not plan.reads:
            if acting is not None:
                await acting.check_live()
            return b'{"data":' + plan.alone(asked) + b"}"
        if acting is None:
            return _unanswered(plan, asked, request.id)
        if plan.cost >= ROWS_PER_REQUEST:
            await self.count(request, asked.actor, plan.cost // ROWS_PER_REQUEST)
        found = await acting.ask(plan.text, values, is_light=plan.is_light)
        assert found is not None
        return b'{"data":' + found + b"}"


async def _live_first(acting: Acting | None) -> None:
    """Refuse whose session is over before anything is said against their document (Unauthenticated)."""
    if acting is not None:
        await acting.check_live()


def _unanswered(plan: Plan, asked: Asked, request_id: str) -> bytes:
    """Return what somebody hears who is not signed in: an error for each root field that reads rows."""
    errors = [told(Unauthenticated(), (label,), request_id) for label in plan.reads]
    data = b"null"
    if plan.nullable.issuperset(plan.reads):
        data = plan.alone(asked)
    return body_of(errors, data)
