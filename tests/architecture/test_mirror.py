"""Every module that decides something has a test of its own, where its path says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.architecture.source_tree import SOURCE, TESTS, definitions, modules, path_of

BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.Try, ast.IfExp)
MIN_BRANCHES = 3


def _has_logic(tree: ast.Module) -> bool:
    functions = [node for _, node in definitions(tree) if not isinstance(node, ast.ClassDef)]
    branches = {id(node) for function in functions for node in ast.walk(function) if isinstance(node, BRANCHES)}
    return len(branches) >= MIN_BRANCHES


def _mirrors(path: Path) -> list[Path]:
    """Return the tests of a module: `test_<name>.py` or `test_<name>_<aspect>.py` beside its mirrored path."""
    folder = TESTS / path.parent.relative_to(SOURCE / "monynha")
    stem = path.stem.strip("_")
    return [*folder.glob(f"test_{stem}.py"), *folder.glob(f"test_{stem}_*.py"), *folder.glob(f"{stem}/test_*.py")]


@pytest.mark.parametrize("name", [name for name, tree in modules().items() if _has_logic(tree)])
def test_every_module_with_logic_has_its_own_tests(name: str) -> None:
    if name.startswith("monynha.migrations"):
        return

    assert _mirrors(path_of(name)) != []
