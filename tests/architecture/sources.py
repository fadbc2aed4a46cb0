"""The package's own source as data: its modules, what each imports, and what each defines."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
FLOORS = ("core", "infra", "engine", "protocols", "domains", "app")


@cache
def modules() -> dict[str, ast.Module]:
    """Return every module of the package by its dotted name."""
    found = {}
    for path in sorted((SOURCE / "monynha").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = ast.parse(path.read_text())
    return found


def path_of(name: str) -> Path:
    """Return the file of a module."""
    package = SOURCE.joinpath(*name.split("."), "__init__.py")
    return package if package.exists() else SOURCE.joinpath(*name.split(".")).with_suffix(".py")


@cache
def imports() -> dict[str, frozenset[str]]:
    """Return, for every module, the modules of ours that it imports, wherever in the file it does."""
    return {name: frozenset(_imported(name, tree)) for name, tree in modules().items()}


def _imported(name: str, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] == "monynha")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} imports relatively"
            if node.module and node.module.partition(".")[0] == "monynha":
                for one in node.names:
                    inner = f"{node.module}.{one.name}"
                    yield inner if inner in modules() else node.module


def floor_of(name: str) -> str:
    """Return the part of the package that a module stands in."""
    return name.split(".")[1] if "." in name else ""


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[str, Definition]]:
    """Yield every class and function with its dotted name within the module, inner ones too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Definition):
            yield f"{prefix}{node.name}", node
            yield from definitions(node, f"{prefix}{node.name}.")
        elif not isinstance(node, ast.expr):
            yield from definitions(node, prefix)
