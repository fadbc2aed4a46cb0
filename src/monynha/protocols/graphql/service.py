"""GraphQL over the engine: a document in, an answer out, whatever brought it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from graphql import OperationDefinitionNode, OperationType

from monynha.core.actor import Actor
from monynha.core.errors import MethodNotAllowed, Unauthenticated
from monynha.infra.postgres.database import Acting, Database
from monynha.protocols.graphql.asked import Asked
from monynha.protocols.graphql.changes import Changes
from monynha.protocols.graphql.document import Document, Documents
from monynha.protocols.graphql.errors import Refused, body_of, told
from monynha.protocols.graphql.plan import Plan, Plans
from monynha.protocols.http.request import Request

ROWS_PER_REQUEST = 1000
"""For how many rows a query counts as one request more."""
Count = Callable[[Request, Actor, int], Awaitable[tuple[tuple[str, str], ...]]]
"""Counts so many requests of an actor, and returns the headers that tell what is left."""


@dataclass(frozen=True)
class Wanted:
    """What a client asks for: a document, which of its operations, and the variables as they were sent."""

    text: str
    operation: str | None
    variables: dict[str, object]


@dataclass(frozen=True)
class GraphQL:
    """Answers documents."""

    database: Database
    documents: Documents
    plans: Plans
    changes: Changes
    count: Count

    async def answer(
        self, wanted: Wanted, actor: Actor, request: Request, *, may_change: bool = True
    ) -> bytes:
        """Return the whole answer; Refused where nothing was executed."""
        acting = None if actor.is_nobody else self.database.acting(actor)
        try:
            document = self.documents.read(wanted.text)
            operation = document.operation(wanted.operation)
            variables = self.documents.variables(operation, wanted.variables)
            asked = Asked(actor, variables, wanted.variables)
            if operation.operation is OperationType.QUERY:
                return await self._query(document, operation, asked, acting, request)
            steps = self.changes.plan(document, operation, asked)
        except Refused:
            # Whose session is over hears that first, and no more.
            if acting is not None:
                await acting.check_live()
            raise
        if not may_change:
            raise MethodNotAllowed(("POST",))
        return await self.changes.run(steps, asked, acting, request)

    async def _query(
        self,
        document: Document,
        operation: OperationDefinitionNode,
        asked: Asked,
        acting: Acting | None,
        request: Request,
    ) -> bytes:
        plan = self.plans.of(document, operation, asked)
        values = plan.values(asked)
        if not plan.reads:
            if acting is not None:
                await acting.check_live()
            return b'{"data":' + plan.alone(asked) + b"}"
        if acting is None:
            return _unanswered(plan, asked, request.id)
        if plan.cost >= ROWS_PER_REQUEST:
            await self.count(request, asked.actor, plan.cost // ROWS_PER_REQUEST)
        found = await acting.ask(plan.text, values)
        assert found is not None
        return b'{"data":' + found + b"}"


def _unanswered(plan: Plan, asked: Asked, request_id: str) -> bytes:
    """Return what somebody hears who is not signed in: an error for each root field that reads rows."""
    errors = [told(Unauthenticated(), (label,), request_id) for label in plan.reads]
    data = b"null"
    if plan.nullable.issuperset(plan.reads):
        data = plan.alone(asked)
    return body_of(errors, data)
