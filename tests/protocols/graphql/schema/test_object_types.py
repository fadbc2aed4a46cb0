"""Row and page types follow from the catalog, and every field of them is bound."""

from __future__ import annotations

from graphql import GraphQLEnumType, GraphQLObjectType

from monynha.app.catalog import CATALOG
from monynha.app.composition.graphql import full_schema
from monynha.engine.query.selection import Order
from monynha.protocols.graphql.schema.field_bindings import ColumnBinding, RelationBinding

SCHEMA = full_schema()


def test_every_field_of_a_row_is_bound_to_a_column_or_a_relation() -> None:
    for resource in CATALOG.resources.values():
        row_type = SCHEMA.type_map[resource.type_name]
        assert isinstance(row_type, GraphQLObjectType)
        bound = SCHEMA.bindings.rows[resource.type_name]

        assert list(row_type.fields) == list(bound)
        columns = [name for name, field in bound.items() if isinstance(field.binding, ColumnBinding)]
        assert columns == list(resource.fields)
        relations = {
            field.binding.relation.name for field in bound.values() if isinstance(field.binding, RelationBinding)
        }
        assert relations == set(CATALOG.relations_of(resource))


def test_relation_to_many_is_a_list_and_a_page() -> None:
    tasks, tasks_page = (SCHEMA.bindings.rows["Project"][name] for name in ("tasks", "tasksPage"))

    assert (str(tasks.field.type), str(tasks_page.field.type)) == ("[Task!]!", "TaskPage!")
    assert isinstance(tasks.binding, RelationBinding)
    assert not tasks.binding.is_page
    assert isinstance(tasks_page.binding, RelationBinding)
    assert tasks_page.binding.is_page


def test_relation_to_one_is_nullable_like_its_column() -> None:
    fields = SCHEMA.bindings.rows["Task"]

    assert (str(fields["project"].field.type), str(fields["assignee"].field.type)) == ("Project!", "User")


def test_page_has_nodes_cursor_and_total() -> None:
    kinds = {name: bound.binding.kind for name, bound in SCHEMA.bindings.pages["TaskPage"].items()}

    assert kinds == {"nodes": "nodes", "nextCursor": "cursor", "total": "total"}


def test_computed_field_shares_the_enum_of_the_stored_column() -> None:
    fields = SCHEMA.bindings.rows

    assert str(fields["Project"]["myRole"].field.type) == "MemberRole"
    assert str(fields["Member"]["role"].field.type) == "MemberRole!"


def test_order_values_name_field_and_direction() -> None:
    order_type = SCHEMA.type_map["TaskOrder"]
    assert isinstance(order_type, GraphQLEnumType)

    assert order_type.values["DUE_DATE_ASC"].value == Order("dueDate", is_descending=False)
    assert order_type.values["CREATED_AT_DESC"].value == Order("createdAt", is_descending=True)


def test_every_type_field_argument_and_value_has_a_description() -> None:
    undescribed = []
    for name, graphql_type in SCHEMA.type_map.items():
        members = {**getattr(graphql_type, "fields", {}), **getattr(graphql_type, "values", {})}
        arguments = {
            f"{name}.{member_name}({argument_name})": argument
            for member_name, member in members.items()
            for argument_name, argument in getattr(member, "args", {}).items()
        }
        described = {name: graphql_type, **{f"{name}.{key}": member for key, member in members.items()}, **arguments}
        undescribed += [path for path, element in described.items() if not element.description]

    # The introspection types are graphql-core's own.
    assert [path for path in undescribed if not path.startswith("__")] == []
