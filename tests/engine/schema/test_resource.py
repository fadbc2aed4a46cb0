"""Resource declarations: fields, keys, streams and the errors of constraints."""

from __future__ import annotations

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.errors import AppError, ConflictError, ForbiddenError, ValidationFailedError
from monynha.engine.schema.resource import (
    ConstraintMessage,
    Filter,
    filter_in,
    filter_overlaps,
    filter_range,
    filter_search,
)

USERS, PROJECTS, MEMBERS, TASKS = (CATALOG.resources[name] for name in ("users", "projects", "members", "tasks"))


def test_fields_are_camel_case_and_exclude_the_version() -> None:
    assert "createdAt" in TASKS.fields
    assert "version" not in TASKS.fields
    assert TASKS.field_names == tuple(TASKS.fields)


def test_computed_and_view_fields_are_not_stored() -> None:
    assert [name for name, field in PROJECTS.fields.items() if not field.is_stored] == ["myRole"]
    assert [name for name, field in USERS.fields.items() if not field.is_stored] == ["email", "emailVerified"]


def test_nested_resource_is_identified_within_its_parent() -> None:
    assert (MEMBERS.is_nested, MEMBERS.id_column.name) == (True, "user_id")
    assert (TASKS.is_nested, TASKS.id_column.name) == (False, "id")


def test_resource_whose_id_names_the_stream_has_its_own_stream() -> None:
    with_own_stream = {resource.plural for resource in CATALOG.resources.values() if resource.has_own_stream}

    assert with_own_stream == {"users", "projects"}


def test_type_name_is_in_pascal_case() -> None:
    assert TASKS.type_name == "Task"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            ConstraintMessage("name", "must not be empty"),
            (ValidationFailedError, "The validation of the request failed.", {"name": "must not be empty"}),
        ),
        (
            ConstraintMessage.conflict("userId", "is a member already"),
            (ConflictError, "The userId is a member already.", {"userId": "is a member already"}),
        ),
        (
            ConstraintMessage("status", "An archived project is read-only", ForbiddenError),
            (ForbiddenError, "An archived project is read-only.", {}),
        ),
    ],
)
def test_constraint_message_becomes_an_error(
    message: ConstraintMessage, expected: tuple[type[AppError], str, dict[str, str]]
) -> None:
    error = message.to_error()

    assert (type(error), error.message, error.details) == expected


def test_detail_of_a_trigger_is_appended_to_the_message() -> None:
    error = ConstraintMessage.conflict("email", "is used").to_error("by 2 accounts")

    assert error.details == {"email": "is used: by 2 accounts"}


def test_filter_helpers_declare_operators() -> None:
    assert filter_in("status", "type") == (Filter("status", "in", ("status",)), Filter("type", "in", ("type",)))
    assert filter_overlaps("tag", "tags") == Filter("tag", "overlaps", ("tags",))
    assert [filter.operator for filter in filter_range("due", "dueDate")] == ["lt", "gte"]
    assert filter_search("title", "description") == Filter("q", "search", ("title", "description"))
