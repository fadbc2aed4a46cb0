"""The project's own source as data: its modules, what each imports, and what each defines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
TESTS = ROOT / "tests"
LAYERS = ("core", "infra", "engine", "protocols", "domains", "app")


@cache
def modules() -> dict[str, ast.Module]:
    """Return the syntax tree of every module of the package by its dotted name."""
    trees = {}
    for path in sorted((SOURCE / "monynha").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        trees[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return trees


@cache
def trees_of_tests() -> dict[str, ast.Module]:
    """Return the syntax tree of every file of the tests by its path below the project."""
    return {
        str(path.relative_to(ROOT)): ast.parse(path.read_text())
        for path in sorted(TESTS.rglob("*.py"))
        if "node_modules" not in path.parts
    }


def path_of(name: str) -> Path:
    """Return the file of a module."""
    package = SOURCE.joinpath(*name.split("."), "__init__.py")
    return package if package.exists() else SOURCE.joinpath(*name.split(".")).with_suffix(".py")


@cache
def imports() -> dict[str, frozenset[str]]:
    """Return, for every module, the modules of the package that it imports, wherever in the file."""
    return {name: frozenset(_imported(name, tree)) for name, tree in modules().items()}


def _imported(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.partition(".")[0] == "monynha")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            if node.module and node.module.partition(".")[0] == "monynha":
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in modules() else node.module


def layer_of(name: str) -> str:
    """Return the layer that a module belongs to, or an empty text for the package itself."""
    return name.split(".")[1] if "." in name else ""


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield every class and function with its dotted name within the module, nested ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            yield f"{prefix}{node.name}", node
            yield from definitions(node, f"{prefix}{node.name}.")
        elif not isinstance(node, ast.expr):
            yield from definitions(node, prefix)


def is_public(name: str) -> bool:
    """Return whether no part of a dotted name within a module is private."""
    return not any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def docstrings(tree: ast.Module) -> set[int]:
    """Return the identities of the constants that are docstrings, of modules, classes, functions and fields."""
    nodes = set()
    for node in ast.walk(tree):
        for statement in getattr(node, "body", []) if not isinstance(node, ast.expr) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                nodes.add(id(statement.value))
    return nodes
