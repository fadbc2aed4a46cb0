"""Planning: the fields of a document become selections, their arguments filters, order, limit and cursor."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from graphql import (
    DirectiveNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLIncludeDirective,
    GraphQLSkipDirective,
    InlineFragmentNode,
    SelectionSetNode,
)
from graphql.execution.values import VariableValues, get_argument_values

from monynha.core.errors import BadRequestError
from monynha.core.serialization import to_camel_case
from monynha.engine.query.cursor import decode_cursor, list_digest
from monynha.engine.query.filters import parse_filter
from monynha.engine.query.parameter import Parameter, resolve_value
from monynha.engine.query.selection import (
    MAX_ROWS,
    Condition,
    Order,
    PageField,
    SelectedField,
    SelectedRelation,
    Selection,
)
from monynha.engine.schema.resource import Filter, Resource
from monynha.protocols.graphql.errors import RequestError, ResponsePath
from monynha.protocols.graphql.execution.context import (
    ArgumentReader,
    ExecutionContext,
    FieldArguments,
    context_parameter,
)
from monynha.protocols.graphql.schema.field_bindings import (
    BoundField,
    ColumnBinding,
    FieldBindings,
    QueryBinding,
    RelationBinding,
    RowBinding,
)
from monynha.protocols.graphql.schema.input_types import (
    DEFAULT_RELATION_LIMIT,
    DEFAULT_ROOT_LIMIT,
    MAX_LIMIT,
    is_id_filter,
)

TYPENAME = "__typename"
CollectedFields = dict[str, list[FieldNode]]
"""Fields by response key, in the order of their first occurrence."""


@dataclass(frozen=True)
class FieldCollector:
    """Collects the fields of selection sets, merged by response key (GraphQL specification, 6.3.2).

    Every type of the schema is concrete, so a valid fragment always applies.
    """

    fragments: Mapping[str, FragmentDefinitionNode]
    variables: VariableValues

    def collect(self, selection_sets: Iterable[SelectionSetNode | None]) -> CollectedFields:
        """Return the fields of the selection sets together."""
        fields: CollectedFields = {}
        visited_fragments: set[str] = set()
        for selection_set in selection_sets:
            if selection_set is not None:
                self._collect_into(fields, selection_set, visited_fragments)
        return fields

    def collect_subfields(self, nodes: Iterable[FieldNode]) -> CollectedFields:
        """Return what is selected below fields that share a response key."""
        return self.collect(node.selection_set for node in nodes)

    def _collect_into(
        self, fields: CollectedFields, selection_set: SelectionSetNode, visited_fragments: set[str]
    ) -> None:
        for selection in selection_set.selections:
            if not self._is_included(selection.directives or ()):
                continue
            if isinstance(selection, FieldNode):
                fields.setdefault((selection.alias or selection.name).value, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                self._collect_into(fields, selection.selection_set, visited_fragments)
            elif isinstance(selection, FragmentSpreadNode) and selection.name.value not in visited_fragments:
                visited_fragments.add(selection.name.value)
                fragment = self.fragments[selection.name.value]
                self._collect_into(fields, fragment.selection_set, visited_fragments)

    def _is_included(self, directives: Iterable[DirectiveNode]) -> bool:
        for directive in directives:
            if directive.name.value == "skip":
                if get_argument_values(GraphQLSkipDirective, directive, self.variables)["if"]:
                    return False
            elif (
                directive.name.value == "include"
                and not get_argument_values(GraphQLIncludeDirective, directive, self.variables)["if"]
            ):
                return False
        return True


@dataclass(frozen=True)
class SelectionPlanner:
    """Plans the selections of one operation; `context` is the first request of its shape."""

    bindings: FieldBindings
    collector: FieldCollector
    context: ExecutionContext

    def plan_root_field(self, bound: BoundField[QueryBinding], nodes: list[FieldNode], path: ResponsePath) -> Selection:
        """Return the selection of a root field of a query."""
        binding = bound.binding
        arguments = FieldArguments.from_node(bound.field, nodes[0], self.context)
        if isinstance(binding, RowBinding):
            key = key_parameters(binding.resource, arguments, path)
            return self.plan_row(binding.resource, nodes, path, key=key)
        selection = plan_list(binding.resource, arguments, self.context, path, default_limit=DEFAULT_ROOT_LIMIT)
        return self._plan_list_fields(selection, nodes, path, is_page=binding.is_page)

    def plan_row(
        self,
        resource: Resource,
        nodes: list[FieldNode],
        path: ResponsePath,
        *,
        key: tuple[object, ...] = (),
    ) -> Selection:
        """Return the selection of one row with everything that is selected below the fields."""
        fields = self.collector.collect_subfields(nodes)
        return self._plan_fields(Selection(resource, (), key=key), fields, path)

    def _plan_list_fields(
        self, selection: Selection, nodes: list[FieldNode], path: ResponsePath, *, is_page: bool
    ) -> Selection:
        fields = self.collector.collect_subfields(nodes)
        if not is_page:
            return self._plan_fields(selection, fields, path)
        return replace(selection, page=tuple(self._plan_page_fields(selection.resource, fields, path)))

    def _plan_page_fields(self, resource: Resource, fields: CollectedFields, path: ResponsePath) -> Iterator[PageField]:
        page_type = f"{resource.type_name}Page"
        for response_key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                yield PageField(response_key, "text", text=page_type)
                continue
            kind = self.bindings.pages[page_type][name].binding.kind
            nested = self.plan_row(resource, nodes, (*path, response_key)) if kind == "nodes" else None
            yield PageField(response_key, kind, nested)

    def _plan_fields(self, selection: Selection, fields: CollectedFields, path: ResponsePath) -> Selection:
        row_type = selection.resource.type_name
        columns: list[SelectedField] = []
        relations: list[SelectedRelation] = []
        for response_key, nodes in fields.items():
            name = nodes[0].name.value
            if name == TYPENAME:
                columns.append(SelectedField(response_key, text=row_type))
                continue
            bound = self.bindings.rows[row_type][name]
            binding = bound.binding
            if isinstance(binding, ColumnBinding):
                columns.append(SelectedField(response_key, binding.name))
            else:
                arguments = FieldArguments.from_node(bound.field, nodes[0], self.context)
                nested = self._plan_relation(binding, arguments, nodes, (*path, response_key))
                relations.append(SelectedRelation(response_key, binding.relation, nested))
        return replace(selection, fields=tuple(columns), relations=tuple(relations), labels=tuple(fields))

    def _plan_relation(
        self, binding: RelationBinding, arguments: FieldArguments, nodes: list[FieldNode], path: ResponsePath
    ) -> Selection:
        target = binding.relation.target
        if not binding.relation.is_many:
            return self.plan_row(target, nodes, path)
        selection = plan_list(target, arguments, self.context, path, default_limit=DEFAULT_RELATION_LIMIT)
        return self._plan_list_fields(selection, nodes, path, is_page=binding.is_page)


def key_parameters(
    resource: Resource, arguments: FieldArguments, path: ResponsePath
) -> tuple[Parameter[ExecutionContext], ...]:
    """Return the primary key that a field's arguments name."""
    if not resource.is_nested:
        return (arguments.id_parameter("id", path),)
    return tuple(arguments.id_parameter(to_camel_case(column.name), path) for column in resource.primary_key)


def plan_list(
    resource: Resource,
    arguments: FieldArguments,
    context: ExecutionContext,
    path: ResponsePath,
    *,
    default_limit: int,
) -> Selection:
    """Return the selection of a list without fields; filters, offset and cursor are read at each request.

    Raises RequestError for a limit out of range, since the SQL text depends on it.
    """
    order = arguments.values.get("orderBy")
    selection = Selection(
        resource,
        (),
        where=tuple(_plan_conditions(resource, arguments, path)),
        order=order if isinstance(order, Order) else Order(resource.default_sort),
        limit=_read_limit(arguments.values.get("limit"), default_limit, path),
        offset=_offset_parameter(arguments, path),
    )
    digest = context_parameter(lambda request: list_digest(_resolve_conditions(selection, request)), path)
    if arguments.values.get("after") is None:
        return replace(selection, list_digest=digest)
    after = _cursor_parameters(selection, arguments.reader("after"), context, path)
    return replace(selection, list_digest=digest, after=after)


def _read_limit(limit: object, default_limit: int, path: ResponsePath) -> int:
    if limit is None:
        return default_limit
    if not isinstance(limit, int) or not 1 <= limit <= MAX_LIMIT:
        problem = f"must be a whole number from 1 to {MAX_LIMIT}"
        raise RequestError.from_error(BadRequestError(f"limit {problem}.", details={"limit": problem}), path)
    return limit


def _offset_parameter(arguments: FieldArguments, path: ResponsePath) -> Parameter[ExecutionContext] | None:
    if not arguments.is_given("offset"):
        return None
    read = arguments.reader("offset")

    def resolve(context: ExecutionContext) -> int:
        offset = read(context) or 0
        # Skipped rows are read too.
        if not isinstance(offset, int) or not 0 <= offset <= MAX_ROWS:
            problem = f"must be a whole number from 0 to {MAX_ROWS}; use after beyond it"
            raise BadRequestError(f"offset {problem}.", details={"offset": problem})
        return offset

    return context_parameter(resolve, path)


def _plan_conditions(resource: Resource, arguments: FieldArguments, path: ResponsePath) -> Iterator[Condition]:
    parent = resource.parent_column
    if parent is not None:
        name = to_camel_case(parent.name)
        if arguments.values.get(name) is not None:
            yield Condition("eq", (name,), arguments.id_parameter(name, path))
    where = arguments.values.get("where")
    given = where if isinstance(where, dict) else {}
    read_where = arguments.reader("where")
    for filter in resource.filters:
        if is_id_filter(resource, filter) and arguments.values.get(filter.name) is not None:
            yield Condition("eq", filter.fields, arguments.id_parameter(filter.name, path))
        if given.get(filter.name) is not None:
            yield Condition(filter.operator, filter.fields, _filter_parameter(resource, filter, read_where, path))


def _filter_parameter(
    resource: Resource, filter: Filter, read_where: ArgumentReader, path: ResponsePath
) -> Parameter[ExecutionContext]:
    def resolve(context: ExecutionContext) -> object:
        where = read_where(context)
        # The shape of the variables, by which plans are cached, includes the names in `where`.
        assert isinstance(where, dict)
        try:
            return parse_filter(resource, filter, where[filter.name], context.actor)
        except ValueError as problem:
            message = f"The filter {filter.name} {problem}."
            raise BadRequestError(message, details={filter.name: str(problem)}) from None

    return context_parameter(resolve, path)


def _cursor_parameters(
    selection: Selection, read_after: ArgumentReader, context: ExecutionContext, path: ResponsePath
) -> tuple[Parameter[ExecutionContext] | None, ...]:
    """Return the sort values of the cursor; which of them are null belongs to the shape of the plan."""

    def read_sort_values(request: ExecutionContext) -> tuple[object, ...]:
        return decode_cursor(_resolve_conditions(selection, request), str(read_after(request)))

    try:
        sort_values = read_sort_values(context)
    except BadRequestError as error:
        raise RequestError.from_error(error, path) from None

    def nth(index: int) -> Parameter[ExecutionContext]:
        return context_parameter(lambda request: read_sort_values(request)[index], path)

    return tuple(None if value is None else nth(index) for index, value in enumerate(sort_values))


def _resolve_conditions(selection: Selection, context: ExecutionContext) -> Selection:
    where = tuple(replace(condition, value=resolve_value(condition.value, context)) for condition in selection.where)
    return replace(selection, where=where)
