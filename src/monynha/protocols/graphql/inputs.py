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

from monynha.core.wire import camel
from monynha.engine.model import Kind, Rules
from monynha.engine.resource import Filter, Relation, Resource
from monynha.engine.selection import Order

ROOT_LIMIT = 10
RELATION_LIMIT = 20
MOST = 100

Arguments = dict[str, GraphQLArgument]
Strings = Mapping[str, str]


class Values(Protocol):
    """What knows the types of values."""

    orders: dict[str, GraphQLEnumType]

    def value(self, rules: Rules) -> Any:
        """Return the type of a value."""


class Inputs:
    """Makes arguments and inputs; an input type is made once."""

    def __init__(self, values: Values) -> None:
        self._values = values
        self._wheres: dict[str, GraphQLInputObjectType] = {}

    def listing(self, resource: Resource, way: Relation | None) -> Arguments:
        """Return the arguments of a list, at the root or at the end of a way."""
        limit = ROOT_LIMIT if way is None else RELATION_LIMIT
        args: Arguments = {} if way is not None else self._ids(resource)
        args["limit"] = _argument(GraphQLInt, f"How many rows at most, 1 to {MOST}.", limit)
        args["offset"] = _argument(GraphQLInt, "How many rows to leave out first.", 0)
        args["after"] = GraphQLArgument(GraphQLString, description="The `nextCursor` of the page before.")
        where = self._where(resource)
        if where is not None:
            args["where"] = GraphQLArgument(where, description="Only rows that meet all of these.")
        order = self._values.orders[resource.plural]
        args["orderBy"] = _argument(order, "How to sort; newest first if not given.", Order(resource.newest))
        return args

    def key(self, resource: Resource) -> Arguments:
        """Return the arguments that name one row."""
        if not resource.is_reached_through_parent:
            return {"id": _id(f"The {resource.singular}'s id.")}
        return {camel(one.name): _id(one.doc or "") for one in resource.key}

    def parent(self, resource: Resource) -> Arguments:
        """Return the argument that names what a new row belongs to."""
        parent = resource.parent_column
        return {} if parent is None else {camel(parent.name): _id(parent.doc or "")}

    def switches(self, resource: Resource) -> Arguments:
        """Return what a delete may be told beside the key."""
        return {name: _argument(GraphQLBoolean, doc, False) for name, doc in resource.switches.items()}

    def created(
        self, resource: Resource, texts: Mapping[str, str], *, derived: bool
    ) -> GraphQLInputObjectType:
        """Return the input of a create; `texts` are inputs of the domain's own, all demanded."""
        fields: dict[str, GraphQLInputField] = {}
        for one in resource.fields.values() if derived else ():
            rules = one.rules
            if not rules.creatable:
                continue
            may_lack = rules.default or rules.found_by is not None
            kind = self._values.value(rules)
            fields[one.name] = GraphQLInputField(
                kind if may_lack else GraphQLNonNull(kind), description=one.doc
            )
            if rules.found_by is not None:
                doc = f"Instead of {one.name}: what it is found by."
                fields[rules.found_by[0]] = GraphQLInputField(GraphQLString, description=doc)
        for name, doc in texts.items():
            fields[name] = GraphQLInputField(GraphQLNonNull(GraphQLString), description=doc)
        return _input(f"Create{_type(resource)}Input", f"A new {resource.singular}.", fields)

    def updated(self, resource: Resource, texts: Strings, flags: Strings) -> GraphQLInputObjectType:
        """Return the input of an update: what is not named stays; texts and flags are the domain's."""
        fields = {
            one.name: GraphQLInputField(self._values.value(one.rules), description=one.doc)
            for one in resource.fields.values()
            if one.rules.updatable and "update" in resource.verbs
        }
        fields |= {name: GraphQLInputField(GraphQLString, description=doc) for name, doc in texts.items()}
        fields |= {name: GraphQLInputField(GraphQLBoolean, description=doc) for name, doc in flags.items()}
        doc = f"What changes of a {resource.singular}; what is not named stays."
        return _input(f"Update{_type(resource)}Input", doc, fields)

    def _ids(self, resource: Resource) -> Arguments:
        """Return the ids by which a list at the root is narrowed: its parent's, and those it filters by."""
        args: Arguments = {}
        parent = resource.parent_column
        if parent is not None:
            kind = GraphQLNonNull(GraphQLID) if resource.is_reached_through_parent else GraphQLID
            args[camel(parent.name)] = GraphQLArgument(kind, description=parent.doc)
        for one in resource.filters:
            if is_id(resource, one):
                doc = resource.fields[one.fields[0]].doc
                args[one.name] = GraphQLArgument(GraphQLID, description=f"{doc} `me` is the caller.")
        return args

    def _where(self, resource: Resource) -> GraphQLInputObjectType | None:
        if not resource.filters:
            return None
        if resource.plural not in self._wheres:
            fields = {one.name: self._filter(resource, one) for one in resource.filters}
            doc = f"Narrows {resource.plural}: all that is given must hold."
            self._wheres[resource.plural] = _input(f"{_type(resource)}Where", doc, fields)
        return self._wheres[resource.plural]

    def _filter(self, resource: Resource, one: Filter) -> GraphQLInputField:
        field = resource.fields[one.fields[0]]
        kind = self._values.value(field.rules)
        if one.operator == "words":
            return GraphQLInputField(GraphQLString, description="Every word of it stands in the text.")
        if one.operator == "missing":
            return GraphQLInputField(GraphQLBoolean, description=f"{field.doc} Whether it is not set.")
        if one.operator in ("before", "after"):
            edge = "exclusive" if one.operator == "before" else "inclusive"
            return GraphQLInputField(kind, description=f"{field.doc} The edge is {edge}.")
        if one.operator == "has":
            return GraphQLInputField(kind, description=f"{field.doc} Any of these.")
        return GraphQLInputField(GraphQLList(GraphQLNonNull(kind)), description=f"{field.doc} One of these.")


def is_id(resource: Resource, one: Filter) -> bool:
    """Whether a filter compares an id."""
    return one.operator == "equal" and resource.fields[one.fields[0]].rules.kind is Kind.ID


def _type(resource: Resource) -> str:
    return resource.singular[0].upper() + resource.singular[1:]


def _input(name: str, doc: str, fields: dict[str, GraphQLInputField]) -> GraphQLInputObjectType:
    return GraphQLInputObjectType(name, fields, description=doc)


def _id(doc: str) -> GraphQLArgument:
    return GraphQLArgument(GraphQLNonNull(GraphQLID), description=doc)


def _argument(kind: Any, doc: str, default: object) -> GraphQLArgument:
    return GraphQLArgument(kind, default_value=default, description=doc)
