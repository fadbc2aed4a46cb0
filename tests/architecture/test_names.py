"""Identifiers and file names use the field's terms; the words of `banned_words.txt` are none."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source_tree import TESTS, modules, path_of, trees_of_tests

BANNED = frozenset((TESTS / "architecture" / "banned_words.txt").read_text().split())


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a module defines: classes, functions, parameters, variables, attributes."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.arg(arg=name) | ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name
            case _:
                continue


TREES = {**{str(path_of(name)): tree for name, tree in modules().items()}, **trees_of_tests()}


@pytest.mark.parametrize("path", TREES, ids=lambda path: "/".join(Path(path).parts[-3:]))
def test_no_identifier_is_a_banned_word(path: str) -> None:
    assert sorted({name for name in identifiers(TREES[path]) if name.strip("_").lower() in BANNED}) == []


def test_no_file_is_named_by_a_banned_word() -> None:
    stems = {path: Path(path).stem.removeprefix("test_") for path in TREES}

    assert [path for path, stem in stems.items() if stem in BANNED] == []


def test_a_banned_word_is_recognised_wherever_it_is_defined() -> None:
    tree = ast.parse(
        "def asked(seat): pass\nclass Vigil: house: int\nfor one in []: pass\nimport x as voice\n[found for found in x]"
    )

    names = {name.lower() for name in identifiers(tree)} & BANNED
    assert names == {"asked", "seat", "vigil", "house", "one", "voice", "found"}
