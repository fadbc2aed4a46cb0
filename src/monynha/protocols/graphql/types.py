"""The types of values and rows, derived from the catalogue."""

from __future__ import annotations

from collections.abc import Iterable

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLEnumValue,
    GraphQLError,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLString,
)

from monynha.engine.catalog import Catalog
from monynha.engine.model import Kind, Rules
from monynha.engine.resource import Field, Relation, Resource
from monynha.engine.selection import Order
from monynha.protocols.graphql.inputs import Inputs
from monynha.protocols.graphql.meaning import Column, Item, Listing, OfPage, carrying

Scalar = GraphQLScalarType | GraphQLEnumType | GraphQLList[GraphQLNonNull[GraphQLScalarType]]
RELATION_LIMIT = 20


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError('DateTime must be a text, as "2026-01-31T09:00:00Z".')
    return value


# Read by the engine, as REST's times are, so that both say the same about a wrong one.
DATE_TIME = GraphQLScalarType(
    "DateTime",
    coerce_input_value=_text,
    description="A time as RFC 3339 writes it, as 2026-01-31T09:00:00.000000Z; sent with any offset.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
)
JSON = GraphQLScalarType("JSON", description="Any JSON value; what is written must be an object.")


def type_name(resource: Resource) -> str:
    """Return what a row of the resource is called in the schema."""
    return resource.singular[0].upper() + resource.singular[1:]


class Types:
    """The types of all resources; rows refer to each other, so their fields are made when asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._choices: dict[tuple[str, ...], GraphQLEnumType] = {}
        # What a column holds names its words; what is derived from them later shares the name.
        for is_derived in (False, True):
            for resource in catalog.resources.values():
                for one in resource.fields.values():
                    if (one.column is None) is is_derived:
                        self._name_choices(resource, one)
        self.orders = {plural: _order(one) for plural, one in catalog.resources.items()}
        self.inputs = Inputs(self)
        self.rows = {plural: self._row(one) for plural, one in catalog.resources.items()}
        self.pages = {plural: self._page(one) for plural, one in catalog.resources.items()}

    def value(self, rules: Rules) -> Scalar:
        """Return the type of a value, without saying whether it may be null."""
        if rules.kind is Kind.CHOICE:
            return self._choices[rules.choices]
        return _SCALARS.get(rules.kind, GraphQLString)

    def lists(self, resource: Resource, name: str, doc: str, way: Relation | None) -> dict[str, GraphQLField]:
        """Return the two fields that list rows: plain, and as a page."""
        row, page = self.rows[resource.plural], self.pages[resource.plural]
        args = self.inputs.listing(resource, way)
        plain = GraphQLField(_all(row), args=args, description=doc)
        paged = GraphQLField(
            GraphQLNonNull(page),
            args=dict(args),
            description=f"{doc} With the total, and where the next page begins.",
        )
        return {
            name: carrying(plain, Listing(resource, way)),
            f"{name}Page": carrying(paged, Listing(resource, way, is_page=True)),
        }

    def _name_choices(self, resource: Resource, one: Field) -> None:
        rules = one.rules
        if rules.kind is Kind.CHOICE and rules.choices not in self._choices:
            name = f"{type_name(resource)}{one.name[0].upper()}{one.name[1:]}"
            words = {word: GraphQLEnumValue(word) for word in rules.choices}
            self._choices[rules.choices] = GraphQLEnumType(name, words, description=one.doc)

    def _row(self, resource: Resource) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            found = {one.name: self._value_field(one) for one in resource.fields.values()}
            for relation in self._catalog.relations_of(resource).values():
                found |= self._ways(relation)
            return found

        return GraphQLObjectType(type_name(resource), fields, description=resource.doc)

    def _value_field(self, one: Field) -> GraphQLField:
        kind = self.value(one.rules)
        made = GraphQLField(kind if one.nullable else GraphQLNonNull(kind), description=one.doc)
        return carrying(made, Column(one.name))

    def _ways(self, relation: Relation) -> dict[str, GraphQLField]:
        target = relation.target
        if relation.is_many:
            return self.lists(target, relation.name, relation.doc or _sentence(target.doc), relation)
        row = self.rows[target.plural]
        # Where the row must name its target, whoever sees the one sees the other (tests/laws holds it).
        made = GraphQLField(row if relation.here.nullable else GraphQLNonNull(row), description=relation.doc)
        return {relation.name: carrying(made, Item(target, relation))}

    def _page(self, resource: Resource) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            nodes = GraphQLField(_all(self.rows[resource.plural]), description="The rows of this page.")
            cursor = GraphQLField(
                GraphQLString, description="What `after` takes for the next page; null at the end."
            )
            total = GraphQLField(GraphQLNonNull(GraphQLInt), description="How many there are on all pages.")
            return {
                "nodes": carrying(nodes, OfPage("nodes")),
                "nextCursor": carrying(cursor, OfPage("cursor")),
                "total": carrying(total, OfPage("total")),
            }

        return GraphQLObjectType(f"{type_name(resource)}Page", fields, description=f"Some {resource.plural}.")


def _all(row: GraphQLObjectType) -> GraphQLNonNull[GraphQLList[GraphQLNonNull[GraphQLObjectType]]]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(row)))


def _order(resource: Resource) -> GraphQLEnumType:
    values = {
        f"{_snake(name)}_{word}": GraphQLEnumValue(Order(name, is_descending=word == "DESC"))
        for name in resource.sorts
        for word in ("ASC", "DESC")
    }
    doc = f"How {resource.plural} are sorted; ties go by id, and nulls come last."
    return GraphQLEnumType(f"{type_name(resource)}Order", values, description=doc)


def _snake(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)


def _sentence(doc: str) -> str:
    return doc.partition("\n")[0]


def names(words: Iterable[str]) -> str:
    """Return words as a sentence lists them."""
    return ", ".join(words)


_SCALARS: dict[Kind, Scalar] = {
    Kind.ID: GraphQLID,
    Kind.INSTANT: DATE_TIME,
    Kind.FLAG: GraphQLBoolean,
    Kind.NUMBER: GraphQLInt,
    Kind.OBJECT: JSON,
    Kind.WORDS: GraphQLList(GraphQLNonNull(GraphQLString)),
}
