"""Links from responses to the operations on a row and below it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, SCHEMAS, operation

LINKING = [
    (path, method, status)
    for path, method in OPERATIONS
    for status, response in DOCUMENT["paths"][path][method]["responses"].items()
    if response.get("links")
]
PATHS_BY_OPERATION_ID = {DOCUMENT["paths"][path][method]["operationId"]: path for path, method in OPERATIONS}


def links(path: str, method: str, status: str) -> dict[str, Any]:
    """Return the links of a response by name."""
    response: dict[str, dict[str, Any]] = operation(path, method)["responses"][status]
    return response["links"]


def test_a_created_row_links_to_the_operations_on_it_and_below_it() -> None:
    assert {name: link["parameters"] for name, link in links("/projects", "post", "201").items()} == {
        name: {"id": "$response.body#/data/id"}
        for name in (
            "GetProject",
            "UpdateProject",
            "PatchProject",
            "DeleteProject",
            "ListProjectMembers",
            "CreateMember",
            "ListProjectInvitations",
            "CreateInvitation",
            "ListProjectTasks",
            "CreateTask",
            "ListProjectFiles",
            "ListProjectActivity",
        )
    }


def test_a_nested_row_is_identified_by_its_parent_and_its_own_id() -> None:
    assert links("/projects/{id}/members", "post", "201")["GetMember"] == {
        "operationId": "getMember",
        "parameters": {"id": "$response.body#/data/projectId", "userId": "$response.body#/data/userId"},
    }


def test_a_page_links_by_its_first_row() -> None:
    assert links("/tasks", "get", "200")["GetTask"]["parameters"] == {"id": "$response.body#/data/0/id"}


def test_every_create_and_every_list_of_readable_rows_has_links() -> None:
    without_links = {("/api/v1/activity", "get", "200"), ("/api/v1/projects/{id}/activity", "get", "200")}
    creates = {(path, method, "201") for path, method in OPERATIONS if "201" in _responses(path, method)}
    lists = {
        (path, method, "200")
        for path, method in OPERATIONS
        if DOCUMENT["paths"][path][method]["operationId"].startswith("list")
    }

    assert set(LINKING) == (creates | lists) - without_links


@pytest.mark.parametrize(("path", "method", "status"), LINKING)
def test_links_give_every_path_parameter_of_an_existing_operation(path: str, method: str, status: str) -> None:
    response = DOCUMENT["paths"][path][method]["responses"][status]
    name = response["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    row = SCHEMAS[name.removesuffix("Answer").removesuffix("Page")]

    for link in response["links"].values():
        target = PATHS_BY_OPERATION_ID[link["operationId"]]
        assert set(link["parameters"]) == {part[1:-1] for part in target.split("/") if part.startswith("{")}
        assert {expression.rpartition("/")[2] for expression in link["parameters"].values()} <= set(row["required"])


def _responses(path: str, method: str) -> dict[str, Any]:
    responses: dict[str, Any] = DOCUMENT["paths"][path][method]["responses"]
    return responses
