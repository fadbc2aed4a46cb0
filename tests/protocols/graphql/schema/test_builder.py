"""The schema keeps the names of the original API, describes every field, and matches the generated file."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLObjectType,
    assert_valid_schema,
    build_schema,
    get_introspection_query,
    is_specified_scalar_type,
)

from monynha.app.composition.graphql import schema_text
from monynha.app.docs.generate import schema_page
from tests.protocols.graphql.requests import execute, fetch_data
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

SCHEMA = build_schema(schema_text())
SEED = """
query Users($n: Int) { users(limit: $n, offset: 0) { id name email createdAt updatedAt posts { id title } } }
query User($id: ID!) { user(id: $id) { id } }
query Posts($id: ID, $n: Int) { posts(userId: $id, limit: $n, offset: $n) { id content author { name } } }
query Post($id: ID!) { post(id: $id) { createdAt updatedAt } }
mutation SignUp($input: CreateUserInput!) { createUser(input: $input) { id } }
mutation Rename($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { id } }
mutation Leave($id: ID!) { deleteUser(id: $id) }
mutation Write($input: CreatePostInput!) { createPost(input: $input) { id } }
"""


def field_types(name: str) -> dict[str, str]:
    """Return the types of a type's fields."""
    named_type = SCHEMA.type_map[name]
    assert isinstance(named_type, GraphQLObjectType | GraphQLInputObjectType)
    return {key: str(field.type) for key, field in named_type.fields.items()}


def test_schema_is_valid() -> None:
    assert_valid_schema(SCHEMA)


def test_types_of_the_original_api_keep_their_names() -> None:
    assert (
        field_types("User").items()
        >= {
            "id": "ID!",
            "name": "String!",
            "email": "String",  # null to those who share no project
            "posts": "[Post!]!",
            "createdAt": "DateTime!",
            "updatedAt": "DateTime!",
        }.items()
    )
    assert field_types("Post").items() >= {"title": "String!", "content": "String!", "author": "User!"}.items()
    assert field_types("CreateUserInput") == {"name": "String!", "email": "String!", "password": "String!"}
    assert field_types("UpdateUserInput") == {"name": "String", "email": "String", "avatarUrl": "String"}
    assert field_types("CreatePostInput") == {"title": "String!", "content": "String!"}
    assert field_types("Query").items() >= {"users": "[User!]!", "user": "User", "posts": "[Post!]!"}.items()
    assert field_types("Mutation").items() >= {"createUser": "User!", "deleteUser": "Boolean!"}.items()


async def test_documents_of_the_original_api_are_valid(user: ApiUser) -> None:
    response = await execute(user, SEED, {"n": 2}, operationName="Users")

    assert [user_row["id"] for user_row in response.json()["data"]["users"]][:1] == [str(user.id)]


def test_every_type_and_field_has_a_description() -> None:
    undescribed_fields = [
        f"{name}.{key}"
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType) and not name.startswith("__")
        for key, field in kind.fields.items()
        if not field.description
    ]
    undescribed_types = [
        name
        for name, kind in SCHEMA.type_map.items()
        if not kind.description and not name.startswith("__") and not is_specified_scalar_type(kind)
    ]

    assert undescribed_fields == []
    assert undescribed_types == []


def test_enum_values_are_the_same_as_in_rest() -> None:
    status = SCHEMA.type_map["TaskStatus"]
    assert isinstance(status, GraphQLEnumType)

    assert list(status.values) == ["todo", "in_progress", "review", "done"]
    assert field_types("Project")["myRole"] == "MemberRole"


def test_generated_schema_file_is_up_to_date() -> None:
    assert schema_page() == Path("docs/generated/schema.graphql").read_text(encoding="utf-8")


async def test_full_introspection_query_is_within_the_limits(user: ApiUser) -> None:
    data = await fetch_data(user, get_introspection_query(input_value_deprecation=True))

    assert set(SCHEMA.type_map) == {schema_type["name"] for schema_type in data["__schema"]["types"]}
