"""Arguments and inputs follow from the declaration of a resource."""

from __future__ import annotations

from graphql import GraphQLInputObjectType

from monynha.app.composition.catalog import CATALOG
from monynha.app.composition.graphql import full_schema
from monynha.protocols.graphql.schema.input_types import is_id_filter

SCHEMA = full_schema()


def arguments(field: str) -> dict[str, str]:
    """Return the types of a query's arguments."""
    return {name: str(argument.type) for name, argument in SCHEMA.bindings.queries[field].field.args.items()}


def mutation_arguments(field: str) -> dict[str, str]:
    """Return the types of a mutation's arguments."""
    return {name: str(argument.type) for name, argument in SCHEMA.bindings.mutations[field].field.args.items()}


def input_fields(name: str) -> dict[str, str]:
    """Return the types of an input's fields."""
    input_type = SCHEMA.type_map[name]
    assert isinstance(input_type, GraphQLInputObjectType)
    return {key: str(field.type) for key, field in input_type.fields.items()}


def test_root_list_takes_ids_page_filters_and_order() -> None:
    assert arguments("tasks") == {
        "projectId": "ID",
        "assigneeId": "ID",
        "limit": "Int",
        "offset": "Int",
        "after": "String",
        "where": "TaskWhere",
        "orderBy": "TaskOrder",
    }
    assert arguments("tasks") == arguments("tasksPage")


def test_list_of_nested_rows_requires_their_parent() -> None:
    assert arguments("members")["projectId"] == "ID!"


def test_row_is_named_by_its_whole_primary_key() -> None:
    assert arguments("task") == {"id": "ID!"}
    assert arguments("member") == {"projectId": "ID!", "userId": "ID!"}


def test_filter_types_follow_the_operators() -> None:
    assert (
        input_fields("TaskWhere").items()
        >= {
            "status": "[TaskStatus!]",
            "assigneeId": "[ID!]",
            "tag": "[String!]",
            "q": "String",
            "dueBefore": "DateTime",
        }.items()
    )


def test_id_filters_are_arguments_of_their_own() -> None:
    tasks = CATALOG.resources["tasks"]

    assert [filter.name for filter in tasks.filters if is_id_filter(tasks, filter)] == ["assigneeId"]


def test_create_requires_what_has_no_default() -> None:
    assert mutation_arguments("createTask") == {"projectId": "ID!", "input": "CreateTaskInput!"}
    assert input_fields("CreateTaskInput").items() >= {"title": "String!", "status": "TaskStatus"}.items()
    assert input_fields("CreateMemberInput") == {"userId": "ID", "email": "String", "role": "MemberRole"}


def test_update_requires_nothing_but_the_key() -> None:
    assert mutation_arguments("updateTask") == {"id": "ID!", "input": "UpdateTaskInput!"}
    assert not [name for name, field_type in input_fields("UpdateTaskInput").items() if field_type.endswith("!")]


def test_delete_takes_the_options_of_the_resource() -> None:
    assert mutation_arguments("deleteUser") == {"id": "ID!", "cascade": "Boolean"}
    assert mutation_arguments("deleteTask") == {"id": "ID!"}
