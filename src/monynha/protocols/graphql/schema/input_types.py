"""The arguments and inputs of the schema: how lists are narrowed, and what may be written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
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


class ValueTypes(Protocol):
    """What knows the types of values."""

    order_types: dict[str, GraphQLEnumType]

    def value_type(self, rules: ColumnRules) -> Any:
        """Return the type of a value."""


class InputTypes:
    """Makes arguments and inputs; an input type is made once."""

    def __init__(self, values: ValueTypes) -> None:
        self._value_types = values
        self._where_types: dict[str, GraphQLInputObjectType] = {}

    def list_arguments(self, resource: Resource, relation: Relation | None) -> ArgumentMap:
        """Return the arguments of a list, at the root or at the end of a way."""
        limit = DEFAULT_ROOT_LIMIT if relation is None else DEFAULT_RELATION_LIMIT
        args: ArgumentMap = {} if relation is not None else self._id_arguments(resource)
        args["limit"] = _argument(GraphQLInt, f"How many rows at most, 1 to {MAX_LIMIT}.", limit)
        args["offset"] = _argument(GraphQLInt, "How many rows to leave out first.", 0)
        args["after"] = GraphQLArgument(GraphQLString, description="The `nextCursor` of the page before.")
        where = self._where_type(resource)
        if where is not None:
            args["where"] = GraphQLArgument(where, description="Only rows that meet all of these.")
        order_type = self._value_types.order_types[resource.plural]
        args["orderBy"] = _argument(order_type, "How to sort; newest first if not given.", Order(resource.default_sort))
        return args

    def key_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the arguments that name one row."""
        if not resource.is_nested:
            return {"id": _id_argument(f"The {resource.singular}'s id.")}
        return {to_camel_case(one.name): _id_argument(one.doc or "") for one in resource.primary_key}

    def parent_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the argument that names what a new row belongs to."""
        parent = resource.parent_column
        return {} if parent is None else {to_camel_case(parent.name): _id_argument(parent.doc or "")}

    def delete_arguments(self, resource: Resource) -> ArgumentMap:
        """Return what a delete may be told beside the key."""
        return {name: _argument(GraphQLBoolean, doc, False) for name, doc in resource.delete_options.items()}

    def create_input(
        self, resource: Resource, text_inputs: Mapping[str, str], *, derived: bool
    ) -> GraphQLInputObjectType:
        """Return the input of a create; `texts` are inputs of the domain's own, all demanded."""
        fields: dict[str, GraphQLInputField] = {}
        for field in resource.fields.values() if derived else ():
            rules = field.rules
            if not rules.is_creatable:
                continue
            is_optional = rules.has_default or rules.lookup is not None
            value_type = self._value_types.value_type(rules)
            fields[field.name] = GraphQLInputField(
                value_type if is_optional else GraphQLNonNull(value_type), description=field.doc
            )
            if rules.lookup is not None:
                doc = f"Instead of {field.name}: what it is found by."
                fields[rules.lookup[0]] = GraphQLInputField(GraphQLString, description=doc)
        for name, doc in text_inputs.items():
            fields[name] = GraphQLInputField(GraphQLNonNull(GraphQLString), description=doc)
        return _input_type(f"Create{_type_name(resource)}Input", f"A new {resource.singular}.", fields)

    def update_input(
        self, resource: Resource, text_inputs: Descriptions, flag_inputs: Descriptions
    ) -> GraphQLInputObjectType:
        """Return the input of an update: what is not named stays; texts and flags are the domain's."""
        fields = {
            one.name: GraphQLInputField(self._value_types.value_type(one.rules), description=one.doc)
            for one in resource.fields.values()
            if one.rules.is_updatable and "update" in resource.operations
        }
        fields |= {name: GraphQLInputField(GraphQLString, description=doc) for name, doc in text_inputs.items()}
        fields |= {name: GraphQLInputField(GraphQLBoolean, description=doc) for name, doc in flag_inputs.items()}
        doc = f"What changes of a {resource.singular}; what is not named stays."
        return _input_type(f"Update{_type_name(resource)}Input", doc, fields)

    def _id_arguments(self, resource: Resource) -> ArgumentMap:
        """Return the ids by which a list at the root is narrowed: its parent's, and those it filters by."""
        args: ArgumentMap = {}
        parent = resource.parent_column
        if parent is not None:
            id_type = GraphQLNonNull(GraphQLID) if resource.is_nested else GraphQLID
            args[to_camel_case(parent.name)] = GraphQLArgument(id_type, description=parent.doc)
        for filter in resource.filters:
            if is_id_filter(resource, filter):
                doc = resource.fields[filter.fields[0]].doc
                args[filter.name] = GraphQLArgument(GraphQLID, description=f"{doc} `me` is the caller.")
        return args

    def _where_type(self, resource: Resource) -> GraphQLInputObjectType | None:
        if not resource.filters:
            return None
        if resource.plural not in self._where_types:
            fields = {one.name: self._filter_input(resource, one) for one in resource.filters}
            doc = f"Narrows {resource.plural}: all that is given must hold."
            self._where_types[resource.plural] = _input_type(f"{_type_name(resource)}Where", doc, fields)
        return self._where_types[resource.plural]

    def _filter_input(self, resource: Resource, filter: Filter) -> GraphQLInputField:
        field = resource.fields[filter.fields[0]]
        value_type = self._value_types.value_type(field.rules)
        if filter.operator == "search":
            return GraphQLInputField(GraphQLString, description="Every word of it stands in the text.")
        if filter.operator == "is_null":
            return GraphQLInputField(GraphQLBoolean, description=f"{field.doc} Whether it is not set.")
        if filter.operator in ("lt", "gte"):
            edge = "exclusive" if filter.operator == "lt" else "inclusive"
            return GraphQLInputField(value_type, description=f"{field.doc} The edge is {edge}.")
        if filter.operator == "overlaps":
            return GraphQLInputField(value_type, description=f"{field.doc} Any of these.")
        return GraphQLInputField(GraphQLList(GraphQLNonNull(value_type)), description=f"{field.doc} One of these.")


def is_id_filter(resource: Resource, filter: Filter) -> bool:
    """Whether a filter compares an id."""
    return filter.operator == "in" and resource.fields[filter.fields[0]].rules.type is ColumnType.UUID


def _type_name(resource: Resource) -> str:
    return resource.type_name


def _input_type(name: str, doc: str, fields: dict[str, GraphQLInputField]) -> GraphQLInputObjectType:
    return GraphQLInputObjectType(name, fields, description=doc)


def _id_argument(doc: str) -> GraphQLArgument:
    return GraphQLArgument(GraphQLNonNull(GraphQLID), description=doc)


def _argument(argument_type: Any, doc: str, default: object) -> GraphQLArgument:
    return GraphQLArgument(argument_type, default_value=default, description=doc)
