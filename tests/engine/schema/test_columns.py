"""Column rules: what the declaration of a column allows clients to write."""

from __future__ import annotations

import pytest

from monynha.app.catalog import CATALOG
from monynha.engine.schema.columns import ColumnRules, ColumnType, Lookup

TASKS, MEMBERS, USERS = (CATALOG.resources[name] for name in ("tasks", "members", "users"))


@pytest.mark.parametrize("name", ["id", "projectId", "createdAt", "updatedAt"])
def test_column_that_the_server_sets_is_read_only(name: str) -> None:
    rules = TASKS.fields[name].rules

    assert (rules.is_creatable, rules.is_updatable) == (False, False)


def test_short_text_is_limited_in_characters_and_long_text_in_bytes() -> None:
    title, description = TASKS.fields["title"].rules, TASKS.fields["description"].rules

    assert (title.max_length, title.max_bytes, title.is_trimmed) == (500, None, True)
    assert (description.max_length, description.max_bytes, description.is_trimmed) == (None, 100_000, False)


def test_list_is_limited_in_items_and_in_characters_per_item() -> None:
    tags = TASKS.fields["tags"].rules

    assert (tags.max_items, tags.max_item_length, tags.max_length) == (50, 50, None)


def test_choices_keep_the_order_of_their_enum() -> None:
    priority = TASKS.fields["priority"].rules

    assert priority == ColumnRules(
        ColumnType.ENUM, choices=("low", "medium", "high", "urgent"), choice_docs=priority.choice_docs, has_default=True
    )
    assert [doc for doc in priority.choice_docs if not doc.endswith(".")] == []


def test_foreign_key_with_a_lookup_is_set_on_create_only() -> None:
    rules = MEMBERS.fields["userId"].rules

    assert rules.lookup == Lookup("email", "user_id_by_email")
    assert (rules.is_creatable, rules.is_updatable) == (True, False)


def test_email_is_read_via_a_view() -> None:
    assert USERS.fields["email"].rules.read_via_view is not None
    assert USERS.fields["email"].is_nullable
