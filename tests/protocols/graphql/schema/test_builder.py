"""The schema holds the seed's names, says what everything is, and stands in the documentation as it is."""

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
    """Return the fields of a type with what they are."""
    named_type = SCHEMA.type_map[name]
    assert isinstance(named_type, GraphQLObjectType | GraphQLInputObjectType)
    return {key: str(one.type) for key, one in named_type.fields.items()}


def test_the_schema_is_one() -> None:
    assert_valid_schema(SCHEMA)


def test_the_seeds_types_keep_their_names() -> None:
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


async def test_the_seeds_documents_are_valid(user: ApiUser) -> None:
    response = await execute(user, SEED, {"n": 2}, operationName="Users")

    assert [one["id"] for one in response.json()["data"]["users"]][:1] == [str(user.id)]


def test_everything_is_described() -> None:
    undescribed_fields = [
        f"{name}.{key}"
        for name, kind in SCHEMA.type_map.items()
        if isinstance(kind, GraphQLObjectType | GraphQLInputObjectType) and not name.startswith("__")
        for key, one in kind.fields.items()
        if not one.description
    ]
    undescribed_types = [
        name
        for name, kind in SCHEMA.type_map.items()
        if not kind.description and not name.startswith("__") and not is_specified_scalar_type(kind)
    ]

    assert undescribed_fields == []
    assert undescribed_types == []


def test_the_words_of_a_choice_are_rests() -> None:
    status = SCHEMA.type_map["TaskStatus"]
    assert isinstance(status, GraphQLEnumType)

    assert list(status.values) == ["todo", "in_progress", "review", "done"]
    assert field_types("Project")["myRole"] == "MemberRole"


def test_the_documented_schema_is_fresh() -> None:
    assert schema_page() == Path("docs/generated/schema.graphql").read_text(encoding="utf-8")


async def test_the_schema_tells_of_itself_within_the_limits(user: ApiUser) -> None:
    data = await fetch_data(user, get_introspection_query(input_value_deprecation=True))

    assert set(SCHEMA.type_map) == {one["name"] for one in data["__schema"]["types"]}
