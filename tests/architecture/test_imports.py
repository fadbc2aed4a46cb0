"""Nothing imports upward or in a cycle: not for types, not inside a function. Lower layers know no domain."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from monynha.app.catalog import CATALOG, DOMAINS
from tests.architecture.source_tree import LAYERS, docstrings, imports, layer_of, modules, path_of

# Neither `task`, which asyncio has too, nor `post`, which HTTP has.
DOMAIN_WORDS = {"project", "projects", "member", "members", "posts", "assignee", "archived"}
# `pg_has_role(…, 'member')` is PostgreSQL's own word.
SQL_TEXTS = {"member"}
DOMAIN_WORD = re.compile(rf"\b({'|'.join(DOMAIN_WORDS)})\b", re.IGNORECASE)


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_imports_from_lower_layers_and_itself(layer: str) -> None:
    allowed = LAYERS[: LAYERS.index(layer) + 1]

    upward = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if layer_of(name) == layer and layer_of(target) not in ("", *allowed)
    }

    assert upward == set()


def test_every_module_belongs_to_a_layer() -> None:
    others = {layer_of(name) for name in modules()} - {"", *LAYERS}

    assert others <= {"migrations"}


def test_migrations_and_the_program_do_not_import_each_other() -> None:
    crossing = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if (layer_of(name) == "migrations") != (layer_of(target) == "migrations")
        and "migrations" in (layer_of(name), layer_of(target))
    }

    assert crossing == set()


def _domain_of(name: str) -> str:
    parts = name.split(".")
    return parts[2] if parts[1:2] == ["domains"] and len(parts) > 2 else ""


def test_a_domain_imports_only_domains_listed_before_it() -> None:
    wrong = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if _domain_of(name)
        and _domain_of(target)
        and DOMAINS.index(_domain_of(target)) > DOMAINS.index(_domain_of(name))
    }

    assert {_domain_of(name) for name in modules()} - {""} == {*DOMAINS}
    assert wrong == set()


def test_a_domain_imports_protocols_only_from_its_http_and_graphql_modules() -> None:
    wrong = {
        (name, target)
        for name, targets in imports().items()
        for target in targets
        if _domain_of(name) and layer_of(target) == "protocols" and name.split(".")[3:4] not in (["http"], ["graphql"])
    }

    assert wrong == set()


def test_no_modules_import_each_other() -> None:
    graph = {name: set(targets) for name, targets in imports().items()}
    while leaves := {name for name, targets in graph.items() if not targets & graph.keys() - {name}}:
        for leaf in leaves:
            del graph[leaf]

    assert graph.keys() == set(), "these import each other, or are imported by those that do"


@pytest.mark.parametrize("layer", LAYERS)
def test_no_packages_of_a_layer_import_each_other(layer: str) -> None:
    def package(name: str) -> str:
        parts = name.split(".")
        return parts[2] if parts[1:2] == [layer] and len(parts) > 3 else ""

    edges = {
        (package(name), package(target))
        for name, targets in imports().items()
        for target in targets
        if package(name) and package(target) and package(name) != package(target)
    }
    graph = {start: {end for begin, end in edges if begin == start} for start, _ in edges}
    while leaves := {name for name, targets in graph.items() if not targets & graph.keys()}:
        for leaf in leaves:
            del graph[leaf]

    assert graph == {}


@pytest.mark.parametrize("layer", ["core", "infra", "engine", "protocols"])
def test_no_identifier_below_the_domains_names_one(layer: str) -> None:
    matches = {
        (name, word)
        for name, tree in modules().items()
        if layer_of(name) == layer
        for word in _identifiers(tree)
        if {*word.lower().split("_")} & DOMAIN_WORDS
    }

    assert matches == set()


@pytest.mark.parametrize("layer", ["core", "infra", "engine", "protocols"])
def test_no_text_below_the_domains_names_one(layer: str) -> None:
    matches = {
        (str(path_of(name).name), text)
        for name, tree in modules().items()
        if layer_of(name) == layer
        for text in _texts(tree)
        if DOMAIN_WORD.search(text) and text not in SQL_TEXTS
    }

    assert matches == set()


def _identifiers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg"):
            if isinstance(word := getattr(node, field, None), str):
                yield word


def _texts(tree: ast.Module) -> Iterator[str]:
    """Yield every string of a module that is no docstring."""
    documentation = docstrings(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
            yield node.value


def test_no_module_hides_the_resource_that_its_package_exports() -> None:
    """Python binds a submodule to its name in the package: which of both is found would depend on the imports."""
    hidden = [
        name
        for resource in CATALOG.resources.values()
        if (name := f"{resource.model.__module__.rpartition('.')[0]}.{resource.plural}") in modules()
    ]

    assert hidden == []
