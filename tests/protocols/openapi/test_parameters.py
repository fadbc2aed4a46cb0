"""Path, query and header parameters."""

from __future__ import annotations

import re
from typing import Any

import pytest

from monynha.app.catalog import CATALOG
from monynha.protocols.openapi.parameters import include_paths
from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, operation
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

LIST_PATH = "/projects/{id}/tasks"


def parameters(path: str, method: str, location: str) -> dict[str, Any]:
    """Return the schemas of the parameters in the path, the query or the headers, by name."""
    return {
        parameter["name"]: parameter["schema"]
        for parameter in operation(path, method)["parameters"]
        if parameter["in"] == location
    }


def accepts(schema: Any, text: str) -> bool:
    """Whether a query parameter of this schema takes the text."""
    variants = schema.get("anyOf", [schema])
    return any(
        text in variant["enum"] if "enum" in variant else re.search(variant["pattern"], text) is not None
        for variant in variants
    )


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_path_parameters_are_those_of_the_path(path: str, method: str) -> None:
    declared = [
        parameter["name"]
        for parameter in DOCUMENT["paths"][path][method]["parameters"]
        if parameter["in"] == "path" and parameter["required"]
    ]

    assert declared == re.findall(r"\{(\w+)\}", path)


def test_me_is_documented_for_ids_of_users_but_not_for_deleting_them() -> None:
    assert "anyOf" in parameters("/users/{id}", "get", "path")["id"]
    assert "anyOf" in parameters("/projects/{id}/members/{userId}", "get", "path")["userId"]
    assert parameters("/users/{id}", "delete", "path")["id"] == {"type": "string", "format": "uuid"}
    assert parameters("/tasks/{id}", "get", "path")["id"] == {"type": "string", "format": "uuid"}


def test_a_list_takes_paging_filters_and_selection() -> None:
    paging = ["limit", "cursor", "sort", "count"]
    filters = ["status", "priority", "assigneeId", "tag", "dueBefore", "dueAfter", "q"]

    assert list(parameters(LIST_PATH, "get", "query")) == [*paging, *filters, "include", "fields"]


def test_other_operations_take_what_applies_to_them() -> None:
    assert list(parameters("/tasks/{id}", "get", "query")) == ["include", "fields"]
    assert list(parameters("/tasks/{id}", "get", "header")) == ["If-None-Match"]
    assert list(parameters("/tasks/{id}", "put", "header")) == ["If-Match"]
    assert list(parameters("/tasks/{id}", "delete", "header")) == ["If-Match"]
    assert parameters("/tasks/{id}", "put", "header")["If-Match"]["minLength"] == 1
    assert parameters("/tasks", "get", "query")["cursor"]["minLength"] == 1
    assert list(parameters(LIST_PATH, "post", "header")) == ["Idempotency-Key"]
    assert list(parameters("/users/{id}", "delete", "query")) == ["cascade"]


@pytest.mark.parametrize(
    "plural",
    # The list of analytics is a range of days instead.
    [plural for plural, resource in CATALOG.resources.items() if not resource.is_nested and plural != "analytics"],
)
def test_every_filter_of_a_resource_is_documented(plural: str) -> None:
    resource = CATALOG.resources[plural]
    documented = parameters(f"{'/admin' if resource.is_admin_only else ''}/{plural}", "get", "query")

    assert {filter.name for filter in resource.filters} <= set(documented)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("status", "todo", True),
        ("status", "todo,done", True),
        ("status", "todo,", False),
        ("status", "closed", False),
        ("assigneeId", "me", True),
        ("assigneeId", "me,00000000-0000-4000-8000-000000000000", True),
        ("assigneeId", "you", False),
        ("tag", "wood, metal", True),
        ("tag", "wood,,metal", False),
        ("q", "two words", True),
        ("q", " ".join("x" * 21), False),
        ("include", "assignee,project.owner", True),
        ("include", "nothing", False),
        ("fields", "id,title", True),
        ("fields", "secret", False),
    ],
)
async def test_values_are_documented_as_they_are_accepted(user: ApiUser, name: str, text: str, expected: bool) -> None:
    project = await user.create_project()

    response = await user.get(f"/projects/{project['id']}/tasks", params={name: text})

    assert accepts(parameters(LIST_PATH, "get", "query")[name], text) is expected
    assert (response.status_code == 200) is expected, response.text


def test_documented_includes_follow_at_most_one_relation_to_many() -> None:
    paths = include_paths(CATALOG, CATALOG.resources["projects"])

    assert {"owner", "owner.posts", "members", "members.user", "tasks.assignee"} <= set(paths)
    assert "members.user.posts" not in paths
    assert not [path for path in paths if path.startswith("tasks.") and path.endswith("s")]
