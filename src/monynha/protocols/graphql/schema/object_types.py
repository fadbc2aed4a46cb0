"""The types of values, rows and pages, derived from the catalog."""

from __future__ import annotations

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
    BoundField,
    BoundFields,
    ColumnBinding,
    FieldBindings,
    PageFieldBinding,
    RelationBinding,
    RowFieldBinding,
    plain_fields,
)
from monynha.protocols.graphql.schema.input_types import InputTypes, ValueType


def _coerce_date_time(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError('DateTime must be a text, as "2026-01-31T09:00:00Z".')
    return value


# Parsed by the engine, as REST's times are, so that both report the same errors.
DATE_TIME = GraphQLScalarType(
    "DateTime",
    coerce_input_value=_coerce_date_time,
    description="A time in RFC 3339 format, as 2026-01-31T09:00:00.000000Z; inputs may have any offset.",
    specified_by_url="https://www.rfc-editor.org/rfc/rfc3339",
)
JSON = GraphQLScalarType("JSON", description="Any JSON value; an input must be an object.")
_SCALARS: dict[ColumnType, ValueType] = {
    ColumnType.UUID: GraphQLID,
    ColumnType.TIMESTAMP: DATE_TIME,
    ColumnType.BOOLEAN: GraphQLBoolean,
    ColumnType.INTEGER: GraphQLInt,
    ColumnType.JSON_OBJECT: JSON,
    ColumnType.TEXT_LIST: GraphQLList(GraphQLNonNull(GraphQLString)),
}


class ObjectTypes:
    """The types of all resources, and the bindings of their fields.

    Rows refer to each other, so graphql-core asks for the fields of a type once all types exist.
    """

    def __init__(self, catalog: Catalog, bindings: FieldBindings) -> None:
        self._catalog = catalog
        self._bindings = bindings
        self._enum_types: dict[tuple[str, ...], GraphQLEnumType] = {}
        # A stored column names the enum; computed fields with the same values share its name.
        for is_computed in (False, True):
            for resource in catalog.resources.values():
                for field in resource.fields.values():
                    if (field.column is None) is is_computed:
                        self._add_enum_type(resource, field)
        self.order_types = {plural: _order_type(resource) for plural, resource in catalog.resources.items()}
        self.input_types = InputTypes(self)
        self.row_types = {plural: self._row_type(resource) for plural, resource in catalog.resources.items()}
        self.page_types = {plural: self._page_type(resource) for plural, resource in catalog.resources.items()}

    def value_type(self, rules: ColumnRules) -> ValueType:
        """Return the nullable type of a column's values."""
        if rules.type is ColumnType.ENUM:
            return self._enum_types[rules.choices]
        return _SCALARS.get(rules.type, GraphQLString)

    def list_fields(self, resource: Resource, doc: str, relation: Relation | None) -> tuple[GraphQLField, GraphQLField]:
        """Return the two fields that list rows: the plain list, and the page."""
        arguments = self.input_types.list_arguments(resource, relation)
        plain = GraphQLField(_list_of(self.row_types[resource.plural]), args=arguments, description=doc)
        page = GraphQLField(
            GraphQLNonNull(self.page_types[resource.plural]),
            args=dict(arguments),
            description=f"{doc} With the total, and the cursor of the next page.",
        )
        return plain, page

    def _add_enum_type(self, resource: Resource, field: Field) -> None:
        rules = field.rules
        if rules.type is ColumnType.ENUM and rules.choices not in self._enum_types:
            name = f"{resource.type_name}{field.name[0].upper()}{field.name[1:]}"
            values = {
                choice: GraphQLEnumValue(choice, description=doc)
                for choice, doc in zip(rules.choices, rules.choice_docs, strict=True)
            }
            self._enum_types[rules.choices] = GraphQLEnumType(name, values, description=field.doc)

    def _row_type(self, resource: Resource) -> GraphQLObjectType:
        def make_fields() -> dict[str, GraphQLField]:
            fields = self._row_fields(resource)
            self._bindings.rows[resource.type_name] = fields
            return plain_fields(fields)

        return GraphQLObjectType(resource.type_name, make_fields, description=resource.doc)

    def _row_fields(self, resource: Resource) -> BoundFields[RowFieldBinding]:
        fields: BoundFields[RowFieldBinding] = {}
        for field in resource.fields.values():
            value_type = self.value_type(field.rules)
            graphql_field = GraphQLField(
                value_type if field.is_nullable else GraphQLNonNull(value_type), description=field.doc
            )
            fields[field.name] = BoundField(graphql_field, ColumnBinding(field.name))
        for relation in self._catalog.relations_of(resource).values():
            fields |= self._relation_fields(relation)
        return fields

    def _relation_fields(self, relation: Relation) -> BoundFields[RowFieldBinding]:
        target, name = relation.target, relation.name
        if relation.is_many:
            plain, page = self.list_fields(target, relation.doc or _first_line(target.doc), relation)
            return {
                name: BoundField(plain, RelationBinding(relation)),
                f"{name}Page": BoundField(page, RelationBinding(relation, is_page=True)),
            }
        row_type = self.row_types[target.plural]
        # An actor who sees a row with a mandatory relation sees its target too (tests/laws verify it).
        is_nullable = relation.source_column.nullable
        field = GraphQLField(row_type if is_nullable else GraphQLNonNull(row_type), description=relation.doc)
        return {name: BoundField(field, RelationBinding(relation))}

    def _page_type(self, resource: Resource) -> GraphQLObjectType:
        type_name = f"{resource.type_name}Page"

        def make_fields() -> dict[str, GraphQLField]:
            nodes = GraphQLField(_list_of(self.row_types[resource.plural]), description="The rows of this page.")
            cursor = GraphQLField(
                GraphQLString, description="The value of `after` for the next page; null on the last page."
            )
            total = GraphQLField(GraphQLNonNull(GraphQLInt), description="The number of rows on all pages.")
            fields = {
                "nodes": BoundField(nodes, PageFieldBinding("nodes")),
                "nextCursor": BoundField(cursor, PageFieldBinding("cursor")),
                "total": BoundField(total, PageFieldBinding("total")),
            }
            self._bindings.pages[type_name] = fields
            return plain_fields(fields)

        return GraphQLObjectType(type_name, make_fields, description=f"A page of {resource.plural}.")


def _list_of(
    row_type: GraphQLObjectType,
) -> GraphQLNonNull[GraphQLList[GraphQLNonNull[GraphQLObjectType]]]:
    return GraphQLNonNull(GraphQLList(GraphQLNonNull(row_type)))


def _order_type(resource: Resource) -> GraphQLEnumType:
    values = {
        f"{_screaming_snake_case(name)}_{direction}": GraphQLEnumValue(
            Order(name, is_descending=direction == "DESC"), description=f"By {name}, {direction_doc}."
        )
        for name in resource.sorts
        for direction, direction_doc in (("ASC", "ascending"), ("DESC", "descending"))
    }
    description = f"Sort orders of {resource.plural}; ties are broken by id, and nulls come last."
    return GraphQLEnumType(f"{resource.type_name}Order", values, description=description)


def _screaming_snake_case(name: str) -> str:
    return "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in name)


def _first_line(doc: str) -> str:
    return doc.partition("\n")[0]
