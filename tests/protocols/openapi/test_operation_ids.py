"""Operation ids and summaries."""

from __future__ import annotations

import pytest

from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, operation


def test_operation_ids_are_unique() -> None:
    operation_ids = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]

    assert len(set(operation_ids)) == len(OPERATIONS)


@pytest.mark.parametrize(
    ("path", "method", "operation_id", "summary"),
    [
        ("/tasks", "get", "listTasks", "List tasks"),
        ("/projects/{id}/tasks", "get", "listProjectTasks", "List the tasks of a project"),
        ("/projects/{id}/tasks", "post", "createTask", "Create a task"),
        ("/tasks/{id}", "get", "getTask", "Read a task"),
        ("/tasks/{id}", "put", "updateTask", "Update a task"),
        ("/tasks/{id}", "patch", "patchTask", "Update a task"),
        ("/projects/{id}/members/{userId}", "delete", "deleteMember", "Delete a member"),
    ],
)
def test_an_operation_is_named_by_what_it_does(path: str, method: str, operation_id: str, summary: str) -> None:
    documented = operation(path, method)

    assert (documented["operationId"], documented["summary"]) == (operation_id, summary)
