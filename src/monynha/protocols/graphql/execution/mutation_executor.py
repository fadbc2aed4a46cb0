"""Mutations: the root fields run in order, each with its result read in the transaction of its write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from uuid import UUID

import orjson
from graphql import FieldNode, OperationDefinitionNode

from monynha.core.errors import AppError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import to_camel_case
from monynha.engine.mutation.mutations import Mutations, PrimaryKey
from monynha.engine.mutation.validation import parse_create, parse_update
from monynha.engine.query.selection import Selection
from monynha.engine.schema.resource import Resource
from monynha.infra.postgres.database import ActorConnection, check_session_before_error
from monynha.protocols.graphql.errors import encode_response, format_error
from monynha.protocols.graphql.execution.context import (
    ExecutionContext,
    FieldArguments,
)
from monynha.protocols.graphql.execution.document import Document
from monynha.protocols.graphql.execution.plan import check_answer_size, check_cost
from monynha.protocols.graphql.execution.planner import (
    TYPENAME,
    FieldCollector,
    SelectionPlanner,
    key_parameters,
)
from monynha.protocols.graphql.schema.field_bindings import (
    ApiSchema,
    BoundField,
    BulkAction,
    BulkActionHandler,
    CreateBinding,
    CustomMutation,
    CustomMutationHandler,
    DeleteBinding,
    MutationBinding,
    MutationCall,
    ReferenceAction,
    ReferenceActionHandler,
    RowAction,
    RowActionHandler,
    UpdateBinding,
)


@dataclass(frozen=True, slots=True)
class _TypenameStep:
    response_key: str


@dataclass(frozen=True, slots=True)
class _BulkStep:
    response_key: str
    action: BulkAction


@dataclass(frozen=True, slots=True)
class _DeleteStep:
    response_key: str
    binding: DeleteBinding
    arguments: FieldArguments


@dataclass(frozen=True, slots=True)
class _RowActionStep:
    response_key: str
    binding: RowAction
    arguments: FieldArguments
    selection: Selection


@dataclass(frozen=True, slots=True)
class _ReferenceStep:
    response_key: str
    binding: ReferenceAction
    arguments: FieldArguments
    selection: Selection | None


@dataclass(frozen=True, slots=True)
class _WriteStep:
    """A create or update; `selection` is what the response shows of the row, its key not filled in yet."""

    response_key: str
    binding: CreateBinding | UpdateBinding
    arguments: FieldArguments
    selection: Selection

    @property
    def input(self) -> Mapping[str, object]:
        """The argument `input`, which the schema requires to be an object."""
        value = self.arguments.values["input"]
        # The argument has an input object type, so graphql-core coerces it to a dict.
        assert isinstance(value, dict)
        return value

    def result_selection(self, context: ExecutionContext) -> Selection:
        """Return the selection with the values of the request; the write fills in the key."""
        return self.selection.resolve(context)


MutationStep = _TypenameStep | _BulkStep | _DeleteStep | _RowActionStep | _ReferenceStep | _WriteStep


@dataclass(frozen=True)
class MutationExecutor:
    """Plans and runs the root fields of a mutation; the handlers are those of the domains."""

    schema: ApiSchema
    mutations: Mutations
    custom_mutations: Mapping[CustomMutation, CustomMutationHandler]
    bulk_actions: Mapping[BulkAction, BulkActionHandler] = field(default_factory=dict)
    row_actions: Mapping[RowAction, RowActionHandler] = field(default_factory=dict)
    reference_actions: Mapping[ReferenceAction, ReferenceActionHandler] = field(default_factory=dict)

    def plan(
        self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext
    ) -> list[MutationStep]:
        """Return the steps of a mutation, in order (RequestError if it asks for too much)."""
        collector = FieldCollector(document.fragments, context.variables)
        planner = SelectionPlanner(self.schema.bindings, collector, context)
        steps: list[MutationStep] = []
        for response_key, nodes in collector.collect([operation.selection_set]).items():
            name = nodes[0].name.value
            if name == TYPENAME:
                steps.append(_TypenameStep(response_key))
            else:
                steps.append(_plan_step(planner, self.schema.bindings.mutations[name], response_key, nodes))
        selections = [
            step.selection
            for step in steps
            if isinstance(step, _WriteStep | _RowActionStep | _ReferenceStep) and step.selection is not None
        ]
        check_cost(sum(selection.cost() for selection in selections))
        check_answer_size(self.mutations.queries.compiler.limits, *selections)
        return steps

    async def execute(
        self, steps: list[MutationStep], context: ExecutionContext, connection: ActorConnection | None
    ) -> bytes:
        """Run the steps until one fails, and return the response.

        Every root field is non-null, so an error leaves no data, though the steps before it are committed.
        """
        entries: list[bytes] = []
        for step in steps:
            try:
                value = await self._execute_step(step, context, connection)
            except AppError as error:
                if not entries:
                    # The end of the session is an error of the request, not of the field, and is reported first.
                    if connection is not None and isinstance(error, UnauthenticatedError):
                        raise
                    await check_session_before_error(connection, error)
                entry = format_error(error, (step.response_key,), context.caller.request_id)
                return encode_response([entry], b"null")
            entries.append(orjson.dumps(step.response_key) + b":" + value)
        return b'{"data":{' + b",".join(entries) + b"}}"

    async def _execute_step(
        self, step: MutationStep, context: ExecutionContext, connection: ActorConnection | None
    ) -> bytes:
        if isinstance(step, _TypenameStep):
            return b'"Mutation"'
        if isinstance(step, _WriteStep | _DeleteStep) and step.binding.custom is not None:
            return await self._execute_custom(step, step.binding.custom, context, connection)
        if connection is None:
            raise UnauthenticatedError()
        if isinstance(step, _BulkStep):
            return orjson.dumps(await self.bulk_actions[step.action](connection))
        if isinstance(step, _DeleteStep):
            return await self._delete(step, context, connection)
        if isinstance(step, _RowActionStep):
            row_key, selection = _row_key(step, context), step.selection.resolve(context)
            return (await self.row_actions[step.binding](connection, row_key, selection)).json
        if isinstance(step, _ReferenceStep):
            return await self._execute_reference(step, context, connection)
        if isinstance(step.binding, CreateBinding):
            return await self._create(step, context, connection)
        return await self._update(step, context, connection)

    async def _create(self, step: _WriteStep, context: ExecutionContext, connection: ActorConnection) -> bytes:
        resource = step.binding.resource
        values = parse_create(resource, step.input)
        parent_id = _parent_id(step, context)
        created = await self.mutations.create(
            connection,
            resource,
            values,
            parent_id=parent_id,
            result_selection=step.result_selection(context),
        )
        return created.row.json

    async def _update(self, step: _WriteStep, context: ExecutionContext, connection: ActorConnection) -> bytes:
        resource = step.binding.resource
        key = _row_key(step, context)
        values = parse_update(resource, step.input)
        selection = step.result_selection(context)
        row = await self.mutations.update(connection, resource, key, values, result_selection=selection)
        return row.json

    async def _delete(self, step: _DeleteStep, context: ExecutionContext, connection: ActorConnection) -> bytes:
        resource = step.binding.resource
        options = tuple(name for name in resource.delete_options if step.arguments.values.get(name))
        await self.mutations.delete(connection, resource, _row_key(step, context), options=options)
        return b"true"

    async def _execute_reference(
        self, step: _ReferenceStep, context: ExecutionContext, connection: ActorConnection
    ) -> bytes:
        reference = step.arguments.values[step.binding.argument]
        selection = step.selection and step.selection.resolve(context)
        row = await self.reference_actions[step.binding](connection, str(reference), selection)
        return b"true" if row is None else row.json

    async def _execute_custom(
        self,
        step: _WriteStep | _DeleteStep,
        custom: CustomMutation,
        context: ExecutionContext,
        connection: ActorConnection | None,
    ) -> bytes:
        if connection is None and not custom.allows_anonymous:
            raise UnauthenticatedError()
        is_create = isinstance(step.binding, CreateBinding)
        if isinstance(step, _DeleteStep):
            selection, values = Selection(custom.resource, ()), step.arguments.values
        else:
            selection, values = step.result_selection(context), step.input
        caller = context.caller
        call = MutationCall(
            caller.actor,
            connection,
            caller.client_ip,
            caller.user_agent,
            caller.accept_language,
            key=() if is_create else _row_key(step, context),
            input=values,
            selection=selection,
            parent_id=_parent_id(step, context) if is_create else None,
        )
        result = await self.custom_mutations[custom](call)
        if isinstance(step, _DeleteStep):
            return b"true"
        return orjson.dumps(_new_row_result(selection, result)) if isinstance(result, Mapping) else result.json


def _plan_step(
    planner: SelectionPlanner, bound: BoundField[MutationBinding], response_key: str, nodes: list[FieldNode]
) -> MutationStep:
    binding = bound.binding
    if isinstance(binding, BulkAction):
        return _BulkStep(response_key, binding)
    arguments = FieldArguments.from_node(bound.field, nodes[0], planner.context)
    if isinstance(binding, DeleteBinding):
        return _DeleteStep(response_key, binding, arguments)
    if isinstance(binding, ReferenceAction) and not binding.returns_row:
        return _ReferenceStep(response_key, binding, arguments, None)
    # A new row's key is filled in once it is known; a key makes the selection cost one row.
    selection = planner.plan_row(binding.resource, nodes, (response_key,), key=(None,))
    if isinstance(binding, RowAction):
        return _RowActionStep(response_key, binding, arguments, selection)
    if isinstance(binding, ReferenceAction):
        return _ReferenceStep(response_key, binding, arguments, selection)
    return _WriteStep(response_key, binding, arguments, selection)


def _row_key(step: _DeleteStep | _RowActionStep | _WriteStep, context: ExecutionContext) -> PrimaryKey:
    parameters = key_parameters(step.binding.resource, step.arguments, ())
    return tuple(_require_id(parameter.resolve(context), step.binding.resource) for parameter in parameters)


def _parent_id(step: _WriteStep | _DeleteStep, context: ExecutionContext) -> UUID | None:
    """Return the id of the parent that a create names; None if its resource has none."""
    resource = step.binding.resource
    if resource.parent is None or resource.parent_column is None:
        return None
    name = to_camel_case(resource.parent_column.name)
    return _require_id(step.arguments.id_parameter(name, ()).resolve(context), resource.parent.target)


def _require_id(value: object, resource: Resource) -> UUID:
    if not isinstance(value, UUID):
        raise NotFoundError.for_name(resource.singular)
    return value


def _new_row_result(selection: Selection, row: Mapping[str, object]) -> dict[str, object]:
    """Return what the selection shows of a row so new that its relations are empty."""
    values: dict[str, object] = dict(_field_values(selection, row))
    for relation in selection.relations:
        page = relation.selection.page
        if page is not None:
            empty: dict[str, object] = {"nodes": [], "cursor": None, "total": 0}
            values[relation.label] = {
                page_field.label: empty.get(page_field.kind, page_field.text) for page_field in page
            }
        else:
            values[relation.label] = [] if relation.relation.is_many else None
    return {label: values[label] for label in selection.labels}


def _field_values(selection: Selection, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for node in selection.fields:
        # Selections planned here label every field; bare names are REST's.
        assert not isinstance(node, str)
        yield node.label, row[node.name] if node.name else node.text
