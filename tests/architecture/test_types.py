"""Types say what crosses a module's border: no `Any` there, and no unexplained assertion about a type."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.architecture.source_tree import is_public, modules, path_of

Function = ast.FunctionDef | ast.AsyncFunctionDef
UNEXPLAINED_IGNORE = re.compile(r"#\s*type:\s*ignore(?!\[[a-z-]+(, ?[a-z-]+)*\]\s+#\s*\S)")


def public_annotations(body: list[ast.stmt], prefix: str = "") -> Iterator[tuple[str, ast.expr]]:
    """Yield the annotations of everything public that a module or class defines, by dotted name."""
    for node in body:
        if isinstance(node, ast.ClassDef) and is_public(node.name):
            yield from public_annotations(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.AnnAssign) and is_public(ast.unparse(node.target)):
            yield f"{prefix}{ast.unparse(node.target)}", node.annotation
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            if is_public(ast.unparse(node.targets[0])):
                yield f"{prefix}{ast.unparse(node.targets[0])}", node.value
        elif isinstance(node, Function) and is_public(node.name):
            yield from _signature(node, f"{prefix}{node.name}")


def _signature(node: Function, name: str) -> Iterator[tuple[str, ast.expr]]:
    parameters = node.args
    for argument in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs):
        if argument.annotation is not None:
            yield f"{name}({argument.arg})", argument.annotation
    for variadic in (parameters.vararg, parameters.kwarg):
        if variadic is not None and variadic.annotation is not None:
            yield f"{name}(*{variadic.arg})", variadic.annotation
    if node.returns is not None:
        yield f"{name} ->", node.returns


def _names_any(annotation: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "Any" for node in ast.walk(annotation))


@pytest.mark.parametrize("name", modules())
def test_no_any_crosses_the_border_of_a_module(name: str) -> None:
    annotations = public_annotations(modules()[name].body)

    assert [inner for inner, annotation in annotations if _names_any(annotation)] == []


@pytest.mark.parametrize("name", modules())
def test_every_assertion_about_a_type_has_a_reason(name: str) -> None:
    lines = path_of(name).read_text().splitlines()
    unexplained = []
    for node in ast.walk(modules()[name]):
        if isinstance(node, ast.Call | ast.Assert) and (_is_cast(node) or _is_type_assert(node)):
            before = lines[node.lineno - 2] if node.lineno > 1 else ""
            here = lines[(node.end_lineno or node.lineno) - 1]
            if "#" not in here and not before.lstrip().startswith("#"):
                unexplained.append(f"line {node.lineno}: {here.strip()}")

    assert unexplained == []


def _is_cast(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "cast"


def _is_type_assert(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and "isinstance(" in ast.unparse(node.test)


@pytest.mark.parametrize("name", modules())
def test_every_type_that_is_ignored_has_a_code_and_a_reason(name: str) -> None:
    lines = path_of(name).read_text().splitlines()

    assert [line.strip() for line in lines if UNEXPLAINED_IGNORE.search(line)] == []


def test_no_module_unpickles() -> None:
    serializers = {"pickle", "marshal", "shelve"}
    importing = [
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and serializers & {alias.name for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and node.module in serializers)
    ]

    assert importing == []
