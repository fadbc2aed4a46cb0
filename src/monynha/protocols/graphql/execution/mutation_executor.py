"""Mutations: run one after the other, each with its answer in the transaction of its write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from uuid import UUID

import orjson
from graphql import FieldNode, GraphQLField, GraphQLSchema, OperationDefinitionNode

from monynha.core.errors import AppError, NotFoundError, UnauthenticatedError
from monynha.core.serialization import to_camel_case
from monynha.engine.mutation.mutations import Mutations, PrimaryKey
from monynha.engine.mutation.validation import parse_create, parse_update
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.errors import encode_response, format_error
from monynha.protocols.graphql.execution.collect_fields import FieldCollector
from monynha.protocols.graphql.execution.context import (
    ExecutionContext,
    FieldArguments,
    resolve_selection,
    resolve_value,
)
from monynha.protocols.graphql.execution.document import Document
from monynha.protocols.graphql.execution.list_arguments import id_parameter
from monynha.protocols.graphql.execution.plan import check_cost
from monynha.protocols.graphql.execution.planner import TYPENAME, SelectionPlanner, key_parameters
from monynha.protocols.graphql.schema.field_bindings import (
    BulkAction,
    BulkActionHandler,
    CustomMutation,
    CustomMutationHandler,
    MutationBinding,
    MutationCall,
    binding_of,
)
from monynha.protocols.http.request import Request

_TRUE = b"true"


@dataclass(frozen=True)
class MutationStep:
    """One root field of a mutation: what it changes, with which arguments, and what it shows then."""

    response_key: str
    binding: MutationBinding | BulkAction | None
    arguments: FieldArguments | None = None
    selection: Selection | None = None


@dataclass(frozen=True)
class MutationExecutor:
    """Runs mutations."""

    schema: GraphQLSchema
    mutations: Mutations
    custom_mutations: Mapping[CustomMutation, CustomMutationHandler]
    """What domains do themselves."""
    bulk_actions: Mapping[BulkAction, BulkActionHandler] = field(default_factory=dict)
    """And what they do to all at once."""

    def plan(
        self, document: Document, operation: OperationDefinitionNode, context: ExecutionContext
    ) -> list[MutationStep]:
        """Return what a mutation does, in order (Refused where it asks for too much)."""
        collector = FieldCollector(document.fragments, context.variables)
        planner = SelectionPlanner(self.schema, collector, context)
        root = self.schema.mutation_type
        assert root is not None
        steps: list[MutationStep] = []
        for response_key, nodes in collector.collect([operation.selection_set]).items():
            name = nodes[0].name.value
            steps.append(
                MutationStep(response_key, None)
                if name == TYPENAME
                else _plan_step(planner, root.fields[name], response_key, nodes)
            )
        check_cost(sum(step.selection.cost() for step in steps if step.selection is not None))
        return steps

    async def execute(
        self,
        steps: list[MutationStep],
        context: ExecutionContext,
        connection: ActorConnection | None,
        request: Request,
    ) -> bytes:
        """Run the steps until one fails; every field is non-null, so that its error leaves no data."""
        entries: list[bytes] = []
        for step in steps:
            try:
                value = await self._execute_step(step, context, connection, request)
            except AppError as error:
                if connection is not None and not entries:
                    # A session that is over is the request's error, not the field's, and comes first.
                    await connection.require_live_session()
                return encode_response([format_error(error, (step.response_key,), request.id)], b"null")
            entries.append(orjson.dumps(step.response_key) + b":" + value)
        return b'{"data":{' + b",".join(entries) + b"}}"

    async def _execute_step(
        self,
        step: MutationStep,
        context: ExecutionContext,
        connection: ActorConnection | None,
        request: Request,
    ) -> bytes:
        binding, arguments = step.binding, step.arguments
        if binding is None or arguments is None:
            return b'"Mutation"'
        if isinstance(binding, BulkAction):
            if connection is None:
                raise UnauthenticatedError()
            return orjson.dumps(await self.bulk_actions[binding](connection))
        if binding.custom is not None:
            return await self._execute_custom(step, context, connection, request)
        if connection is None:
            raise UnauthenticatedError()
        if binding.verb == "create":
            return await self._create(step, context, connection)
        resource, key = binding.resource, _row_key(binding, arguments, context)
        if binding.verb == "delete":
            switches = tuple(name for name in resource.delete_options if arguments.values.get(name))
            await self.mutations.delete(connection, resource, key, options=switches)
            return _TRUE
        values = parse_update(resource, arguments.values["input"])
        selection = _result_selection(step, context, key)
        return (await self.mutations.update(connection, resource, key, values, result_selection=selection)).json

    async def _create(self, step: MutationStep, context: ExecutionContext, connection: ActorConnection) -> bytes:
        assert isinstance(step.binding, MutationBinding)
        assert step.arguments is not None
        resource, arguments = step.binding.resource, step.arguments
        values = parse_create(resource, arguments.values["input"])
        parent = None
        if resource.parent_column is not None:
            read = arguments.reader(to_camel_case(resource.parent_column.name))
            parent = _require_id(resolve_value(id_parameter(read, (step.response_key,)), context))
        created = await self.mutations.create(
            connection,
            resource,
            values,
            parent_id=parent,
            result_selection=_result_selection(step, context, ()),
        )
        return created.row.json

    async def _execute_custom(
        self,
        step: MutationStep,
        context: ExecutionContext,
        connection: ActorConnection | None,
        request: Request,
    ) -> bytes:
        binding, arguments = step.binding, step.arguments
        assert isinstance(binding, MutationBinding)
        assert arguments is not None
        assert binding.custom is not None
        if connection is None and not binding.custom.allows_anonymous:
            raise UnauthenticatedError()
        key = () if binding.verb == "create" else _row_key(binding, arguments, context)
        selection = _result_selection(step, context, key)
        input: Mapping[str, object] = arguments.values["input"]
        result = await self.custom_mutations[binding.custom](
            MutationCall(request, context.actor, connection, key, input, selection)
        )
        return orjson.dumps(_new_row_result(selection, result)) if isinstance(result, Mapping) else result.json


def _plan_step(
    planner: SelectionPlanner, field: GraphQLField, response_key: str, nodes: list[FieldNode]
) -> MutationStep:
    binding: MutationBinding | BulkAction = binding_of(field)
    arguments = FieldArguments.from_node(field, nodes[0], planner.context)
    if isinstance(binding, BulkAction) or binding.verb == "delete":
        return MutationStep(response_key, binding, arguments)
    # The key of what is not there yet is filled in later; one row is what it costs.
    selection = planner.plan_row(binding.resource, nodes, (response_key,), key=(None,))
    return MutationStep(response_key, binding, arguments, selection)


def _result_selection(step: MutationStep, context: ExecutionContext, key: PrimaryKey) -> Selection:
    assert step.selection is not None
    return resolve_selection(replace(step.selection, key=key), context)


def _row_key(binding: MutationBinding, arguments: FieldArguments, context: ExecutionContext) -> PrimaryKey:
    return tuple(_require_id(resolve_value(one, context)) for one in key_parameters(binding.resource, arguments, ()))


def _require_id(id: object) -> UUID:
    if not isinstance(id, UUID):
        raise NotFoundError()
    return id


def _new_row_result(selection: Selection, row: Mapping[str, object]) -> dict[str, object]:
    """Return what a row shows that is so new that nothing hangs on it yet."""
    values: dict[str, object] = dict(_field_values(selection, row))
    for branch in selection.relations:
        nested = branch.selection
        if nested.page is not None:
            empty: dict[str, object] = {"nodes": [], "cursor": None, "total": 0}
            values[branch.label] = {part.label: empty.get(part.kind, part.text) for part in nested.page}
        else:
            values[branch.label] = [] if branch.relation.is_many else None
    return {label: values[label] for label in selection.labels}


def _field_values(selection: Selection, row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for node in selection.fields:
        assert not isinstance(node, str)
        yield node.label, row[node.name] if node.name else node.text
