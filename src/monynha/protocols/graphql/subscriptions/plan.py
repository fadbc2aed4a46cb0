"""A subscription's document, planned: where it listens, and what each event makes of it.

What an event brings itself needs no statement. Ways on are asked for each event, all of them in one statement
that answers only who may still hear the stream.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import orjson
from graphql import FieldNode, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode, get_named_type

from monynha.core.errors import BadRequestError, NotFoundError
from monynha.core.serialization import parse_uuid
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.selection import BatchItem, Scope, SelectionBatch
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.resume_token import decode_resume_token
from monynha.engine.realtime.shared_payload import is_same_for_all_subscribers
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.errors import RequestError, ResponsePath
from monynha.protocols.graphql.execution.collect_fields import FieldCollector
from monynha.protocols.graphql.execution.context import ExecutionContext, FieldArguments, resolve_selection
from monynha.protocols.graphql.execution.document import Document
from monynha.protocols.graphql.execution.plan import check_cost
from monynha.protocols.graphql.execution.planner import TYPENAME, SelectionPlanner
from monynha.protocols.graphql.limits import MAX_ROOT_FIELDS, check_limit
from monynha.protocols.graphql.schema.field_bindings import (
    EphemeralSubscriptionBinding,
    EventRelationBinding,
    EventSubscriptionBinding,
    EventValueBinding,
    binding_of,
)
from monynha.protocols.graphql.subscriptions.payload import EventPayload, broadcast_payload, event_payload
from monynha.protocols.graphql.subscriptions.schema import SINCE_ARGUMENT

MAX_ROWS_PER_EVENT = 1000
"""How many rows a subscription may ask for with each event; it asks again and again."""


@dataclass(frozen=True, slots=True)
class PayloadValue:
    """A value that each event brings anew."""

    read: Callable[[EventPayload], object]


@dataclass(frozen=True, eq=False)
class SubscriptionPlan:
    """A planned subscription; without a `text` nothing has to be asked."""

    response_key: str
    binding: EventSubscriptionBinding | EphemeralSubscriptionBinding
    stream: Stream
    resume_version: int | None
    payload_fields: tuple[BatchItem, ...]
    text: str | None
    binds: tuple[object, ...]
    is_shared: bool
    """Whether all who hear the stream are shown the same."""

    def payload_of_event(self, event: Event) -> EventPayload | None:
        """Return what an event tells, None where it is not about this."""
        binding = self.binding
        if not isinstance(binding, EventSubscriptionBinding) or event.resource != binding.resource.plural:
            return None
        if binding.only_created and event.verb != "insert":
            return None
        return event_payload(binding.resource, event)

    def payload_of_broadcast(self, message: bytes) -> EventPayload | None:
        """Return what something said in the stream's room tells."""
        return (
            broadcast_payload(self.binding.event, message)
            if isinstance(self.binding, EphemeralSubscriptionBinding)
            else None
        )

    def resolve_binds(self, payload: EventPayload) -> list[object]:
        """Return the values to bind for what is told."""
        return [one.read(payload) if isinstance(one, PayloadValue) else one for one in self.binds]

    def result_without_query(self, payload: EventPayload) -> bytes:
        """Return the answer that needs no statement; it is made once for all who ask for the same."""
        shape = tuple(root.shape() for root in self.payload_fields), self.response_key
        result: bytes | None = payload.cache.get(shape)
        if result is None:
            entries = (orjson.dumps(one.label) + b":" + _encode_field(one, payload) for one in self.payload_fields)
            result = payload.cache[shape] = self.wrap(b"{" + b",".join(entries) + b"}")
        return result

    def wrap(self, data: bytes) -> bytes:
        """Return the whole answer around what is told."""
        return b'{"data":{' + orjson.dumps(self.response_key) + b":" + data + b"}}"


def _encode_field(field: BatchItem, payload: EventPayload) -> bytes:
    value = field.value.read(payload) if isinstance(field.value, PayloadValue) else orjson.dumps(field.text)
    assert isinstance(value, bytes)
    return value


@dataclass(frozen=True)
class SubscriptionPlanner:
    """Plans subscriptions; `roots` are the resources that have streams, by their kind."""

    schema: GraphQLSchema
    compiler: Compiler
    stream_roots: dict[str, Resource]

    def plan(
        self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext
    ) -> SubscriptionPlan:
        """Return the plan of a subscription for one asker (Refused where it asks for too much)."""
        collector = FieldCollector(document.fragments, context.variables)
        subscription_type = self.schema.subscription_type
        assert subscription_type is not None
        fields = collector.collect([operation.selection_set])
        if len(fields) != 1:
            raise RequestError.from_error(BadRequestError("A subscription asks for one thing at a time."))
        ((response_key, nodes),) = fields.items()
        field = subscription_type.fields[nodes[0].name.value]
        binding: EventSubscriptionBinding | EphemeralSubscriptionBinding = binding_of(field)
        arguments = FieldArguments.from_node(field, nodes[0], context)
        root = self.stream_roots[binding.stream_kind]
        payload_type = cast(GraphQLObjectType, get_named_type(field.type))
        try:
            stream = _read_stream(binding, arguments, root, context)
            resume_version = _read_since(arguments, stream)
        except (BadRequestError, NotFoundError) as error:
            raise RequestError.from_error(error, (response_key,)) from None
        planner = SelectionPlanner(self.schema, collector, context)
        payload_fields = tuple(
            _plan_payload_field(planner, payload_type, key, below, (response_key, key))
            for key, below in collector.collect_subfields(nodes).items()
        )
        return self._build_plan(response_key, binding, stream, resume_version, payload_fields=payload_fields, root=root)

    def _build_plan(
        self,
        response_key: str,
        binding: EventSubscriptionBinding | EphemeralSubscriptionBinding,
        stream: Stream,
        resume_version: int | None,
        *,
        payload_fields: tuple[tuple[BatchItem, bool], ...],
        root: Resource,
    ) -> SubscriptionPlan:
        fields = tuple(one for one, _ in payload_fields)
        if all(one.selection is None for one in fields):
            return SubscriptionPlan(response_key, binding, stream, resume_version, fields, None, (), True)
        try:
            # Each is a statement of its own within the statement, as a query's root fields are.
            check_limit("ways on", sum(one.selection is not None for one in fields), MAX_ROOT_FIELDS)
        except BadRequestError as error:
            raise RequestError.from_error(error, (response_key,)) from None
        query = SelectionBatch(fields, None if root.is_private_stream else Scope(root, stream.id))
        check_cost(query.cost(), MAX_ROWS_PER_EVENT)
        statement = self.compiler.compile(query)
        is_shared = all(
            one.selection is None or is_same_for_all_subscribers(one.selection, root, is_in_stream=is_within)
            for one, is_within in payload_fields
        )
        binds = tuple(statement.arrange_binds(query.bind_values()))
        return SubscriptionPlan(response_key, binding, stream, resume_version, fields, statement.text, binds, is_shared)


def _plan_payload_field(
    planner: SelectionPlanner,
    payload_type: GraphQLObjectType,
    response_key: str,
    nodes: list[FieldNode],
    path: ResponsePath,
) -> tuple[BatchItem, bool]:
    """Return a member of what is told, and whether it belongs to the stream."""
    name = nodes[0].name.value
    if name == TYPENAME:
        return BatchItem(response_key, text=payload_type.name), True
    binding: EventValueBinding | EventRelationBinding = binding_of(payload_type.fields[name])
    if isinstance(binding, EventValueBinding):
        return BatchItem(response_key, text=binding.name, value=_payload_value(binding.name)), True
    ids = tuple(_id_value(one) for one in binding.key_names)
    selection = planner.plan_row(binding.resource, nodes, path, key=ids)
    return BatchItem(response_key, resolve_selection(selection, planner.context)), binding.is_in_stream


def _payload_value(name: str) -> PayloadValue:
    return PayloadValue(lambda told: told.encode(name))


def _id_value(name: str) -> PayloadValue:
    def read(payload: EventPayload) -> object:
        text = payload.values.get(name)
        return None if text is None else parse_uuid(text)

    return PayloadValue(read)


def _read_stream(
    binding: EventSubscriptionBinding | EphemeralSubscriptionBinding,
    arguments: FieldArguments,
    root: Resource,
    context: ExecutionContext,
) -> Stream:
    id = context.actor.id if root.is_private_stream else parse_uuid(arguments.values[f"{binding.stream_kind}Id"])
    if id is None:
        raise NotFoundError()
    return Stream(binding.stream_kind, id)


def _read_since(arguments: FieldArguments, stream: Stream) -> int | None:
    text = arguments.values.get(SINCE_ARGUMENT)
    if text is None:
        return None
    try:
        return decode_resume_token(text)[stream]
    except (KeyError, ValueError):
        problem = "must be a position that was told here"
        raise BadRequestError(f"{SINCE_ARGUMENT} {problem}.", details={SINCE_ARGUMENT: problem}) from None
