"""Nothing imports upward, and nothing imports in a ring: not for types, not inside a function."""

from __future__ import annotations

import ast

import pytest

from monynha.app.composition.catalog import DOMAINS
from tests.architecture.sources import FLOORS, floor_of, imports, modules

# Neither `task`, which asyncio has too, nor `post`, which HTTP has.
WORDS_OF_DOMAINS = {"project", "projects", "member", "members", "posts", "assignee", "archived"}


@pytest.mark.parametrize("floor", FLOORS)
def test_a_floor_imports_from_lower_floors_and_itself(floor: str) -> None:
    allowed = FLOORS[: FLOORS.index(floor) + 1]

    upward = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if floor_of(name) == floor and floor_of(target) not in ("", *allowed)
    }

    assert upward == set()


def test_every_module_stands_on_a_floor() -> None:
    others = {floor_of(name) for name in modules()} - {"", *FLOORS}

    assert {"migrations"} >= others


def test_migrations_are_apart() -> None:
    inward = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if (floor_of(name) == "migrations") != (floor_of(target) == "migrations")
        and "migrations" in (floor_of(name), floor_of(target))
    }

    assert inward == set()


def test_a_domain_knows_only_those_before_it() -> None:
    def domain(name: str) -> str:
        parts = name.split(".")
        return parts[2] if parts[1:2] == ["domains"] and len(parts) > 2 else ""

    assert {domain(name) for name in modules()} - {""} == {*DOMAINS}
    wrong = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if domain(name) and domain(target) and DOMAINS.index(domain(target)) > DOMAINS.index(domain(name))
    }

    assert wrong == set()


def test_there_is_no_ring_of_modules() -> None:
    graph = {name: set(targets) for name, targets in imports().items()}
    while leaves := {name for name, targets in graph.items() if not targets & graph.keys() - {name}}:
        for leaf in leaves:
            del graph[leaf]

    assert graph.keys() == set(), "these import each other, or are imported by those that do"


@pytest.mark.parametrize("part", ["protocols", "domains", "infra", "app", "engine", "core"])
def test_there_is_no_ring_of_packages(part: str) -> None:
    def package(name: str) -> str:
        parts = name.split(".")
        return parts[2] if parts[1:2] == [part] and len(parts) > 3 else ""

    ways = {
        (package(name), package(target))
        for name, targets in imports().items()
        for target in targets
        if package(name) and package(target) and package(name) != package(target)
    }
    graph = {start: {end for begin, end in ways if begin == start} for start, _ in ways}
    while leaves := {name for name, targets in graph.items() if not targets & graph.keys()}:
        for leaf in leaves:
            del graph[leaf]

    assert graph == {}


@pytest.mark.parametrize("floor", ["core", "infra", "engine", "protocols"])
def test_no_word_of_a_domain_stands_below_the_domains(floor: str) -> None:
    found = {
        (name, word)
        for name, tree in modules().items()
        if floor_of(name) == floor
        for word in _identifiers(tree)
        if {*word.lower().split("_")} & WORDS_OF_DOMAINS
    }

    assert found == set()


def _identifiers(tree: ast.Module) -> set[str]:
    named = (getattr(node, field, None) for node in ast.walk(tree) for field in ("id", "attr", "name", "arg"))
    return {word for word in named if isinstance(word, str)}
