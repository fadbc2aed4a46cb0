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

from monynha.engine.query.selection import Order
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.columns import ColumnRules, ColumnType
from monynha.engine.schema.resource import Field, Relation, Resource
from monynha.protocols.graphql.schema.field_bindings import (
    ColumnBinding,
    ListBinding,
    PageFieldBinding,
    RowBinding,
    bind,
)
from monynha.protocols.graphql.schema.input_types import InputTypes

ValueType = GraphQLScalarType | GraphQLEnumType | GraphQLList[GraphQLNonNull[GraphQLScalarType]]
RELATION_LIMIT = 20


def _coerce_date_time(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError('DateTime must be a text, as "2026-01-31T09:00:00Z".')
    return value


# Read by the engine, as REST's times are, so that both say the same about a wrong one.
DATE_TIME = GraphQLScalarType(
    "DateTime",
    coerce_input_value=_coerce_date_time,
    description="A time as RFC 3339 writes it, as 2026-01-31T09:00:00.000000Z; sent with any offset.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
)
JSON = GraphQLScalarType("JSON", description="Any JSON value; what is written must be an object.")


def type_name(resource: Resource) -> str:
    """Return what a row of the resource is called in the schema."""
    return resource.type_name


class ObjectTypes:
    """The types of all resources; rows refer to each other, so their fields are made when asked for."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._enum_types: dict[tuple[str, ...], GraphQLEnumType] = {}
        # What a column holds names its words; what is derived from them later shares the name.
        for is_derived in (False, True):
            for resource in catalog.resources.values():
                for field in resource.fields.values():
                    if (field.column is None) is is_derived:
                        self._add_enum_type(resource, field)
        self.order_types = {plural: _order_type(one) for plural, one in catalog.resources.items()}
        self.input_types = InputTypes(self)
        self.row_types = {plural: self._row_type(one) for plural, one in catalog.resources.items()}
        self.page_types = {plural: self._page_type(one) for plural, one in catalog.resources.items()}

    def value_type(self, rules: ColumnRules) -> ValueType:
        """Return the type of a value, without saying whether it may be null."""
        if rules.type is ColumnType.ENUM:
            return self._enum_types[rules.choices]
        return _SCALARS.get(rules.type, GraphQLString)

    def list_fields(
        self, resource: Resource, name: str, doc: str, relation: Relation | None
    ) -> dict[str, GraphQLField]:
        """Return the two fields that list rows: plain, and as a page."""
        row, page = self.row_types[resource.plural], self.page_types[resource.plural]
        args = self.input_types.list_arguments(resource, relation)
        plain = GraphQLField(_list_of(row), args=args, description=doc)
        paged = GraphQLField(
            GraphQLNonNull(page),
            args=dict(args),
            description=f"{doc} With the total, and where the next page begins.",
        )
        return {
            name: bind(plain, ListBinding(resource, relation)),
            f"{name}Page": bind(paged, ListBinding(resource, relation, is_page=True)),
        }

    def _add_enum_type(self, resource: Resource, field: Field) -> None:
        rules = field.rules
        if rules.type is ColumnType.ENUM and rules.choices not in self._enum_types:
            name = f"{type_name(resource)}{field.name[0].upper()}{field.name[1:]}"
            enum_values = {word: GraphQLEnumValue(word) for word in rules.choices}
            self._enum_types[rules.choices] = GraphQLEnumType(name, enum_values, description=field.doc)

    def _row_type(self, resource: Resource) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            fields_by_name = {one.name: self._value_field(one) for one in resource.fields.values()}
            for relation in self._catalog.relations_of(resource).values():
                fields_by_name |= self._relation_fields(relation)
            return fields_by_name

        return GraphQLObjectType(type_name(resource), fields, description=resource.doc)

    def _value_field(self, field: Field) -> GraphQLField:
        value_type = self.value_type(field.rules)
        graphql_field = GraphQLField(
            value_type if field.is_nullable else GraphQLNonNull(value_type), description=field.doc
        )
        return bind(graphql_field, ColumnBinding(field.name))

    def _relation_fields(self, relation: Relation) -> dict[str, GraphQLField]:
        target = relation.target
        if relation.is_many:
            return self.list_fields(target, relation.name, relation.doc or _first_line(target.doc), relation)
        row_type = self.row_types[target.plural]
        # Where the row must name its target, whoever sees the one sees the other (tests/laws holds it).
        field = GraphQLField(
            row_type if relation.source_column.nullable else GraphQLNonNull(row_type),
            description=relation.doc,
        )
        return {relation.name: bind(field, RowBinding(target, relation))}

    def _page_type(self, resource: Resource) -> GraphQLObjectType:
        def fields() -> dict[str, GraphQLField]:
            nodes = GraphQLField(_list_of(self.row_types[resource.plural]), description="The rows of this page.")
            cursor = GraphQLField(GraphQLString, description="What `after` takes for the next page; null at the end.")
            total = GraphQLField(GraphQLNonNull(GraphQLInt), description="How many there are on all pages.")
            return {
                "nodes": bind(nodes, PageFieldBinding("nodes")),
                "nextCursor": bind(cursor, PageFieldBinding("cursor")),
                "total": bind(total, PageFieldBinding("total")),
            }

        return GraphQLObjectType(f"{type_name(resource)}Page", fields, description=f"Some {resource.plural}.")


def _list_of(row: GraphQLObjectType) -> GraphQLNonNull[GraphQLList[GraphQLNonNull[GraphQLObjectType]]]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(row)))


def _order_type(resource: Resource) -> GraphQLEnumType:
    values = {
        f"{_screaming_snake_case(name)}_{word}": GraphQLEnumValue(Order(name, is_descending=word == "DESC"))
        for name in resource.sorts
        for word in ("ASC", "DESC")
    }
    doc = f"How {resource.plural} are sorted; ties go by id, and nulls come last."
    return GraphQLEnumType(f"{type_name(resource)}Order", values, description=doc)


def _screaming_snake_case(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)


def _first_line(doc: str) -> str:
    return doc.partition("\n")[0]


def names(words: Iterable[str]) -> str:
    """Return words as a sentence lists them."""
    return ", ".join(words)


_SCALARS: dict[ColumnType, ValueType] = {
    ColumnType.UUID: GraphQLID,
    ColumnType.TIMESTAMP: DATE_TIME,
    ColumnType.BOOLEAN: GraphQLBoolean,
    ColumnType.INTEGER: GraphQLInt,
    ColumnType.JSON_OBJECT: JSON,
    ColumnType.TEXT_LIST: GraphQLList(GraphQLNonNull(GraphQLString)),
}
