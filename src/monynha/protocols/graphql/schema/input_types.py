"""Arguments of lists and rows, and the inputs of mutations, derived from the resources."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLString,
)

from monynha.core.serialization import to_camel_case
from monynha.engine.query.selection import Order
from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Filter, Relation, Resource

DEFAULT_ROOT_LIMIT = 10
DEFAULT_RELATION_LIMIT = 20
MAX_LIMIT = 100

ArgumentMap = dict[str, GraphQLArgument]
Descriptions = Mapping[str, str]
ValueType = GraphQLScalarType | GraphQLEnumType | GraphQLList[GraphQLNonNull[GraphQLScalarType]]


class ValueTypes(Protocol):
    """The GraphQL types of columns and orders."""

    order_types: dict[str, GraphQLEnumType]

    def value_type(self, rules: ColumnRules) -> ValueType:
        """Return the type of a column's values."""


class InputTypes:
    """Makes arguments and input types; the filter input of a resource is made once."""

    def __init__(self, values: ValueTypes) -> None:
        self._value_types = values
        self._where_types: dict[str, GraphQLInputObjectType] = {}

    def list_arguments(self, resource: Resource, relation: Relation | None) -> ArgumentMap:
        """Return the arguments of a list, at the root (without a relation) or at the end of a relation."""
        limit = DEFAULT_ROOT_LIMIT if relation is None else DEFAULT_RELATION_LIMIT
        arguments: ArgumentMap = {} if relation is not None else self._id_arguments(resource)
        arguments["limit"] = _argument(GraphQLInt, f"The maximum number of rows, 1 to {MAX_LIMIT}.", limit)
        arguments["offset"] = _argument(GraphQLInt, "How many rows to skip.", 0)
        arguments["after"] = GraphQLArgument(GraphQLString, description="The `nextCursor` of the previous page.")
        where = self._where_type(resource)
        if where is not None:
            arguments["where"] = GraphQLArgument(where, description="Only rows that meet all conditions.")
        order_type = self._value_types.order_types[resource.plural]
        arguments["orderBy"] = _argument(
            order_type, "The sort order; newest first by default.", Order(resource.default_sort)
        )
        return arguments

    def key_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the arguments that name one row."""
        if not resource.is_nested:
            return {"id": _id_argument(f"The {resource.singular}'s id.")}
        return {to_camel_case(column.name): _id_argument(column.doc or "") for column in resource.primary_key}

    def parent_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the argument that names the parent of a new row."""
        parent = resource.parent_column
        return {} if parent is None else {to_camel_case(parent.name): _id_argument(parent.doc or "")}

    def delete_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the options of a delete."""
        return {
            name: _argument(GraphQLBoolean, description, False) for name, description in resource.delete_options.items()
        }

    def create_input(
        self, resource: Resource, field_names: Collection[str] | None, text_inputs: Descriptions
    ) -> GraphQLInputObjectType:
        """Return the input of a create: all fields that a create may set, or those that are named.

        `text_inputs` are required inputs of the domain's own mutation.
        """
        fields: dict[str, GraphQLInputField] = {}
        for field in resource.fields.values():
            rules = field.rules
            if not rules.is_creatable or (field_names is not None and field.name not in field_names):
                continue
            is_optional = rules.has_default or rules.lookup is not None
            value_type = self._value_types.value_type(rules)
            fields[field.name] = GraphQLInputField(
                value_type if is_optional else GraphQLNonNull(value_type), description=field.doc
            )
            if rules.lookup is not None:
                description = f"Names the row of {field.name} instead of its id."
                fields[rules.lookup.input_name] = GraphQLInputField(GraphQLString, description=description)
        for name, description in text_inputs.items():
            fields[name] = GraphQLInputField(GraphQLNonNull(GraphQLString), description=description)
        return _input_type(f"Create{resource.type_name}Input", f"A new {resource.singular}.", fields)

    def update_input(
        self, resource: Resource, text_inputs: Descriptions, flag_inputs: Descriptions
    ) -> GraphQLInputObjectType:
        """Return the input of an update; text and flag inputs are those of the domain's own mutation."""
        fields = {
            field.name: GraphQLInputField(self._value_types.value_type(field.rules), description=field.doc)
            for field in resource.fields.values()
            if field.rules.is_updatable and "update" in resource.operations
        }
        for name, description in text_inputs.items():
            fields[name] = GraphQLInputField(GraphQLString, description=description)
        for name, description in flag_inputs.items():
            fields[name] = GraphQLInputField(GraphQLBoolean, description=description)
        description = f"Changes of a {resource.singular}; fields that are not named keep their values."
        return _input_type(f"Update{resource.type_name}Input", description, fields)

    def _id_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the ids that filter a list at the root: its parent's, and those of its id filters."""
        arguments: ArgumentMap = {}
        parent = resource.parent_column
        if parent is not None:
            id_type = GraphQLNonNull(GraphQLID) if resource.is_nested else GraphQLID
            arguments[to_camel_case(parent.name)] = GraphQLArgument(id_type, description=parent.doc)
        for filter in resource.filters:
            if is_id_filter(resource, filter):
                doc = resource.fields[filter.fields[0]].doc
                arguments[filter.name] = GraphQLArgument(GraphQLID, description=f"{doc} `me` is the caller.")
        return arguments

    def _where_type(self, resource: Resource) -> GraphQLInputObjectType | None:
        if not resource.filters:
            return None
        if resource.plural not in self._where_types:
            fields = {filter.name: self._filter_input(resource, filter) for filter in resource.filters}
            description = f"Filters {resource.plural}: all given conditions must be met."
            self._where_types[resource.plural] = _input_type(f"{resource.type_name}Where", description, fields)
        return self._where_types[resource.plural]

    def _filter_input(self, resource: Resource, filter: Filter) -> GraphQLInputField:
        field = resource.fields[filter.fields[0]]
        value_type = self._value_types.value_type(field.rules)
        if filter.operator == "search":
            return GraphQLInputField(GraphQLString, description="Rows whose text contains every word.")
        if filter.operator == "is_null":
            return GraphQLInputField(GraphQLBoolean, description=f"{field.doc} Whether it is not set.")
        if filter.operator in ("lt", "gte"):
            bound = "exclusive" if filter.operator == "lt" else "inclusive"
            return GraphQLInputField(value_type, description=f"{field.doc} The bound is {bound}.")
        if filter.operator == "overlaps":
            return GraphQLInputField(value_type, description=f"{field.doc} Any of these.")
        return GraphQLInputField(GraphQLList(GraphQLNonNull(value_type)), description=f"{field.doc} One of these.")


def is_id_filter(resource: Resource, filter: Filter) -> bool:
    """Whether a filter compares an id."""
    return filter.operator == "in" and resource.fields[filter.fields[0]].rules.type is ColumnType.UUID


def _input_type(name: str, description: str, fields: dict[str, GraphQLInputField]) -> GraphQLInputObjectType:
    return GraphQLInputObjectType(name, fields, description=description)


def _id_argument(description: str) -> GraphQLArgument:
    return GraphQLArgument(GraphQLNonNull(GraphQLID), description=description)


def _argument(argument_type: GraphQLInputType, description: str, default: object) -> GraphQLArgument:
    return GraphQLArgument(argument_type, default_value=default, description=description)
