"""The schemas of rows and of request bodies."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest

from monynha.app.catalog import CATALOG
from tests.protocols.openapi.generated_document import DOCUMENT, SCHEMAS
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


def is_valid(name: str, value: Any) -> bool:
    """Whether a value satisfies a component's schema."""
    return jsonschema_rs.is_valid({"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}, value)


async def test_rows_have_exactly_the_documented_properties(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, assigneeId=str(user.id))
    post = await user.create("/posts", {"title": "x", "content": "y"})
    paths_by_schema = {
        "User": f"/users/{user.id}",
        "Post": f"/posts/{post['id']}",
        "Project": f"/projects/{project['id']}",
        "Member": f"/projects/{project['id']}/members/{user.id}",
        "Task": f"/tasks/{task['id']}",
    }

    for schema_name, path in paths_by_schema.items():
        resource = next(resource for resource in CATALOG.resources.values() if resource.type_name == schema_name)
        relation_names = list(CATALOG.relations_of(resource))
        plain = (await user.get(path)).json()["data"]
        included = (await user.get(f"{path}?include={','.join(relation_names)}")).json()["data"]
        partial = (await user.get(f"{path}?fields={next(iter(plain))}")).json()["data"]
        assert list(plain) == SCHEMAS[schema_name]["required"]
        assert list(included) == list(SCHEMAS[schema_name]["properties"])
        assert set(included) - set(plain) == set(relation_names)
        assert is_valid(schema_name, included)
        assert not is_valid(schema_name, partial)
        assert is_valid(f"{schema_name}Part", partial)


@pytest.mark.parametrize(
    ("name", "body", "expected"),
    [
        ("TaskCreate", {"title": "x"}, True),
        ("TaskCreate", {"title": "x", "dueDate": None, "tags": ["a"], "priority": "urgent"}, True),
        ("TaskCreate", {}, False),
        ("TaskCreate", {"title": "x", "id": "7"}, False),
        ("TaskCreate", {"title": "x", "priority": "soon"}, False),
        ("TaskCreateWrapped", {"data": {"title": "x"}}, True),
        ("TaskCreateWrapped", {"title": "x"}, False),
        ("TaskCreateWrapped", {"data": {"title": "x"}, "more": 1}, False),
        ("TaskUpdate", {}, True),
        ("TaskUpdate", {"title": None}, False),
        ("MemberCreate", {"userId": "00000000-0000-4000-8000-000000000000"}, True),
        ("MemberCreate", {"email": "user@example.com"}, False),
        ("MemberCreateByEmail", {"email": "user@example.com", "role": "viewer"}, True),
        ("MemberCreateByEmail", {"userId": "00000000-0000-4000-8000-000000000000"}, False),
        ("MemberCreateByEmail", {"email": "user@example.com", "role": "owner"}, False),
        ("ProjectCreate", {"name": "x", "settings": {"a": [1, {"b": None}]}}, True),
        ("ProjectCreate", {"name": "x", "settings": {"a": 2**64}}, False),
        ("ProjectCreate", {"name": "x", "settings": {"a": "\x00"}}, False),
        ("ProjectCreate", {"name": "x", "settings": {"\x00": 1}}, False),
    ],
)
def test_bodies_are_described_as_they_are_validated(name: str, body: Any, expected: bool) -> None:
    assert is_valid(name, body) is expected
