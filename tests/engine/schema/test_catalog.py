"""The catalog: relations between resources, in both directions."""

from __future__ import annotations

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.engine.schema.catalog import Catalog


def test_foreign_key_is_a_relation_to_one_with_its_inverse_to_many() -> None:
    forward, inverse = CATALOG.relations["tasks"]["assignee"], CATALOG.relations["users"]["assignedTasks"]

    assert (forward.is_many, inverse.is_many) == (False, True)
    assert (forward.source_column, forward.target_column) == (inverse.target_column, inverse.source_column)


def test_parent_has_its_children_by_their_plural() -> None:
    relation = CATALOG.relations_of(CATALOG.resources["projects"])["tasks"]

    assert relation.target is CATALOG.resources["tasks"]
    assert relation.target_column is CATALOG.resources["tasks"].parent_column


def test_many_to_many_relation_leads_through_the_table_between() -> None:
    relation = CATALOG.relations["users"]["projects"]

    assert relation.is_many
    assert relation.through is not None
    assert [column.name for column in relation.through] == ["user_id", "project_id"]


def test_inverse_with_a_route_is_listed() -> None:
    assert [(relation.source.plural, relation.name) for relation in CATALOG.listed_relations] == [("users", "posts")]


def test_resource_must_be_listed_after_those_it_refers_to() -> None:
    with pytest.raises(AssertionError, match="first"):
        Catalog.from_resources(reversed(CATALOG.resources.values()))
