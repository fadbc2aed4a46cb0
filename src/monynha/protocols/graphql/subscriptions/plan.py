"""Plans of subscriptions: the stream of a document, and the result that each of its events has.

Values that the event carries need no query. Its relations are fetched for each event, all in one statement, which has
no result for an actor who may not see the stream any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache

import orjson
from graphql import FieldNode, OperationDefinitionNode

from monynha.core.errors import BadRequestError, NotFoundError
from monynha.core.serialization import format_timestamp, parse_uuid
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.parameter import Parameter, PreparedQuery, resolve_value
from monynha.engine.query.selection import BatchItem, Scope, SelectionBatch
from monynha.engine.realtime.event_log import Event, Stream
from monynha.engine.realtime.resume_token import decode_resume_token, encode_resume_token
from monynha.engine.realtime.shared_payload import is_same_for_all_subscribers
from monynha.engine.schema.ephemeral import EphemeralEvent
from monynha.engine.schema.resource import Resource
from monynha.protocols.graphql.errors import RequestError, ResponsePath
from monynha.protocols.graphql.execution.context import (
    ExecutionContext,
    FieldArguments,
)
from monynha.protocols.graphql.execution.document import Document
from monynha.protocols.graphql.execution.plan import check_answer_size, check_cost
from monynha.protocols.graphql.execution.planner import TYPENAME, FieldCollector, SelectionPlanner
from monynha.protocols.graphql.limits import MAX_ROOT_FIELDS, check_limit
from monynha.protocols.graphql.schema.field_bindings import (
    ApiSchema,
    BoundFields,
    EventSubscriptionBinding,
    EventValueBinding,
    PayloadFieldBinding,
    SubscriptionBinding,
)
from monynha.protocols.graphql.subscriptions.schema import SINCE_ARGUMENT
from monynha.protocols.realtime.event_messages import CHANGE_ACTIONS, serialize_row

MAX_ROWS_PER_EVENT = 1000
"""How many rows a subscription may read for each event."""
_CACHE_KEY = "graphql"


@dataclass(frozen=True, eq=False, slots=True)
class EventPayload:
    """The values of an event by their names in the schema, and what was made of them for any subscriber."""

    values: Mapping[str, object]
    results: dict[Hashable, bytes] = field(default_factory=dict)
    """Results that need no query, by the shape of the document."""
    fetches: dict[Hashable, asyncio.Task[bytes]] = field(default_factory=dict)
    """Queries under way or done, by statement, binds and actor."""

    def encode(self, name: str) -> bytes:
        """Return a value as JSON, null if an event of an older release lacks it."""
        return orjson.dumps(self.values.get(name))


def event_payload(resource: Resource, event: Event) -> EventPayload:
    """Return the payload of an event; all subscribers share it."""
    cached = event.payload_cache.get(_CACHE_KEY)
    if isinstance(cached, EventPayload):
        return cached
    payload = EventPayload(
        {
            **serialize_row(resource, event.row),
            "action": CHANGE_ACTIONS[event.verb],
            "changedAt": format_timestamp(datetime.fromisoformat(event.occurred_at)),
            "changedById": None if event.actor_id is None else str(event.actor_id),
            "resumeToken": encode_resume_token({event.stream: event.version}),
        }
    )
    event.payload_cache[_CACHE_KEY] = payload
    return payload


@lru_cache(256)
def broadcast_payload(event: EphemeralEvent, raw_message: bytes) -> EventPayload:
    """Return the payload of an ephemeral event from its JSON message; all subscribers share it."""
    message = orjson.loads(raw_message)
    at = datetime.fromtimestamp(message["timestamp"] / 1000, UTC)
    return EventPayload({**message, "at": format_timestamp(at)})


@dataclass(frozen=True, eq=False)
class SubscriptionPlan:
    """A planned subscription; `query` is None if the events carry everything it shows."""

    response_key: str
    binding: SubscriptionBinding
    stream: Stream
    resume_version: int | None
    payload_fields: tuple[BatchItem, ...]
    query: PreparedQuery[EventPayload] | None
    is_shared: bool
    """Whether the result is the same for all subscribers of the stream."""
    max_characters: int = 0
    """How many characters an event's relations have at most, by the declared lengths."""

    def payload_of_event(self, event: Event) -> EventPayload | None:
        """Return the payload of an event of the stream, None if the subscription is not about it."""
        binding = self.binding
        if not isinstance(binding, EventSubscriptionBinding) or event.resource != binding.resource.plural:
            return None
        if binding.only_created and event.verb != "insert":
            return None
        return event_payload(binding.resource, event)

    def payload_of_broadcast(self, message: bytes) -> EventPayload | None:
        """Return the payload of a message in the stream's room, None if the subscription is not about it."""
        if isinstance(self.binding, EventSubscriptionBinding):
            return None
        return broadcast_payload(self.binding.event, message)

    def result_without_query(self, payload: EventPayload) -> bytes:
        """Return the result of an event that carries everything; it is encoded once per shape."""
        shape = tuple(item.shape() for item in self.payload_fields), self.response_key
        result = payload.results.get(shape)
        if result is None:
            entries = (orjson.dumps(item.label) + b":" + _encode_field(item, payload) for item in self.payload_fields)
            result = payload.results[shape] = self.wrap(b"{" + b",".join(entries) + b"}")
        return result

    def wrap(self, data: bytes) -> bytes:
        """Return the whole result around the JSON of its root field."""
        return b'{"data":{' + orjson.dumps(self.response_key) + b":" + data + b"}}"


def _encode_field(item: BatchItem, payload: EventPayload) -> bytes:
    if item.value is None:
        return orjson.dumps(item.text)
    value = resolve_value(item.value, payload)
    # Values of payload fields are read by `EventPayload.encode`.
    assert isinstance(value, bytes)
    return value


@dataclass(frozen=True)
class SubscriptionPlanner:
    """Plans subscriptions; `stream_roots` are the resources that have streams, by the kind of stream."""

    schema: ApiSchema
    compiler: Compiler
    stream_roots: Mapping[str, Resource]

    def plan(
        self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext
    ) -> SubscriptionPlan:
        """Return the plan of a subscription for one caller (RequestError if it asks for too much)."""
        collector = FieldCollector(document.fragments, context.variables)
        fields = collector.collect([operation.selection_set])
        if len(fields) != 1:
            raise RequestError.from_error(BadRequestError("A subscription has exactly one root field."))
        ((response_key, nodes),) = fields.items()
        name = nodes[0].name.value
        bound = self.schema.bindings.subscriptions[name]
        arguments = FieldArguments.from_node(bound.field, nodes[0], context)
        root = self.stream_roots[bound.binding.stream_kind]
        try:
            stream = _read_stream(bound.binding, arguments, root, context)
            resume_version = _read_resume_version(arguments, stream)
        except (BadRequestError, NotFoundError) as error:
            raise RequestError.from_error(error, (response_key,)) from None
        planner = _PayloadPlanner(
            SelectionPlanner(self.schema.bindings, collector, context),
            name[0].upper() + name[1:],
            self.schema.bindings.payloads[name[0].upper() + name[1:]],
        )
        planned = [
            planner.plan_field(key, subfield_nodes, (response_key, key))
            for key, subfield_nodes in collector.collect_subfields(nodes).items()
        ]
        query, is_shared = self._prepare_query(planned, root, stream, response_key)
        return SubscriptionPlan(
            response_key,
            bound.binding,
            stream,
            resume_version,
            tuple(item for item, _ in planned),
            query,
            is_shared,
            sum(item.selection.max_characters() for item, _ in planned if item.selection is not None),
        )

    def _prepare_query(
        self, planned: list[tuple[BatchItem, bool]], root: Resource, stream: Stream, response_key: str
    ) -> tuple[PreparedQuery[EventPayload] | None, bool]:
        """Return the query of the relations, and whether its result is the same for all subscribers."""
        items = tuple(item for item, _ in planned)
        relation_count = sum(item.selection is not None for item in items)
        if relation_count == 0:
            return None, True
        try:
            # Each is a sub-statement of the statement, as the root fields of a query are.
            check_limit("relations", relation_count, MAX_ROOT_FIELDS)
        except BadRequestError as error:
            raise RequestError.from_error(error, (response_key,)) from None
        batch = SelectionBatch(items, None if root.is_private_stream else Scope(root, stream.id))
        check_cost(batch.cost(), MAX_ROWS_PER_EVENT)
        check_answer_size(self.compiler.limits, batch)
        is_shared = all(
            item.selection is None or is_same_for_all_subscribers(item.selection, root, is_in_stream=is_in_stream)
            for item, is_in_stream in planned
        )
        return self.compiler.prepare(batch), is_shared


@dataclass(frozen=True)
class _PayloadPlanner:
    """Plans the fields of a subscription's payload type."""

    selections: SelectionPlanner
    type_name: str
    fields: BoundFields[PayloadFieldBinding]

    def plan_field(self, response_key: str, nodes: list[FieldNode], path: ResponsePath) -> tuple[BatchItem, bool]:
        """Return a field of the payload, and whether what it shows belongs to the stream."""
        name = nodes[0].name.value
        if name == TYPENAME:
            return BatchItem(response_key, text=self.type_name), True
        binding = self.fields[name].binding
        if isinstance(binding, EventValueBinding):
            return BatchItem(response_key, text=binding.name, value=_value_parameter(binding.name)), True
        key = tuple(_id_parameter(key_name) for key_name in binding.key_names)
        # Values of the document are those of this caller; only the key is read from each event.
        selection = self.selections.plan_row(binding.resource, nodes, path).resolve(self.selections.context)
        return BatchItem(response_key, replace(selection, key=key)), binding.is_in_stream


def _value_parameter(name: str) -> Parameter[EventPayload]:
    return Parameter(lambda payload: payload.encode(name))


def _id_parameter(name: str) -> Parameter[EventPayload]:
    def read(payload: EventPayload) -> object:
        text = payload.values.get(name)
        return None if text is None else parse_uuid(str(text))

    return Parameter(read)


def _read_stream(
    binding: SubscriptionBinding, arguments: FieldArguments, root: Resource, context: ExecutionContext
) -> Stream:
    """Return the stream that the arguments name (NotFoundError if they name none)."""
    stream_id = context.actor.id
    if not root.is_private_stream:
        stream_id = parse_uuid(str(arguments.values[f"{binding.stream_kind}Id"]))
    if stream_id is None:
        raise NotFoundError.for_name(binding.stream_kind)
    return Stream(binding.stream_kind, stream_id)


def _read_resume_version(arguments: FieldArguments, stream: Stream) -> int | None:
    token = arguments.values.get(SINCE_ARGUMENT)
    if token is None:
        return None
    try:
        return decode_resume_token(token)[stream]
    except (KeyError, ValueError):
        problem = "must be the resumeToken of an event of this subscription"
        raise BadRequestError(f"{SINCE_ARGUMENT} {problem}.", details={SINCE_ARGUMENT: problem}) from None
