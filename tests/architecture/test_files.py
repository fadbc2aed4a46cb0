"""Files and functions stay small and say what they promise; nothing tracked knows a machine."""

from __future__ import annotations

import ast
import re
import subprocess

import pytest

from tests.architecture.sources import ROOT, definitions, modules, path_of

FILE_LINES = 300
FUNCTION_LINES = 40
NO_NAMES = {"utils", "helpers", "common", "base", "manager", "misc"}
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w+")
REGISTRY = re.compile(r"https?://(?:pypi|files\.pythonhosted|registry\.npmjs|proxy\.golang|[\w.-]*artifact)[\w.-]*")


def tracked() -> list[str]:
    """Return the files that git keeps."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\x00") if name and (ROOT / name).is_file()]


def test_no_python_file_is_longer_than_it_may_be() -> None:
    names = [name for name in tracked() if name.endswith(".py")]
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in names}

    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}


@pytest.mark.parametrize("name", modules())
def test_no_function_is_longer_than_it_may_be(name: str) -> None:
    lengths = {
        inner: (node.end_lineno or node.lineno) - node.lineno + 1
        for inner, node in definitions(modules()[name])
        if not isinstance(node, ast.ClassDef)
    }

    assert {inner: length for inner, length in lengths.items() if length > FUNCTION_LINES} == {}


@pytest.mark.parametrize("name", modules())
def test_what_is_public_says_what_it_promises(name: str) -> None:
    tree = modules()[name]
    silent = [
        inner
        for inner, node in definitions(tree)
        if not any(part.startswith("_") for part in inner.split("."))
        and not _is_inner(tree, inner)
        and ast.get_docstring(node) is None
    ]
    if tree.body and ast.get_docstring(tree) is None:
        silent.insert(0, name)

    assert silent == []


def _is_inner(tree: ast.Module, name: str) -> bool:
    """Whether it is defined within a function, where nobody else reaches it."""
    kinds = dict(definitions(tree))
    parents = [name.rpartition(".")[0]]
    while parents[-1]:
        parents.append(parents[-1].rpartition(".")[0])
    return any(not isinstance(kinds[parent], ast.ClassDef) for parent in parents if parent)


def test_a_package_has_a_face_and_no_logic() -> None:
    busy = [
        name
        for name, tree in modules().items()
        if path_of(name).name == "__init__.py"
        and any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)
    ]

    assert busy == []


def test_no_file_is_named_for_nothing() -> None:
    assert [name for name in modules() if NO_NAMES & {*name.split(".")}] == []


def test_nothing_tracked_knows_a_machine_or_a_registry() -> None:
    found = []
    for name in tracked():
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        if name != "tests/architecture/test_files.py":
            found += [(name, one) for one in (*MACHINE.findall(text), *REGISTRY.findall(text))]

    assert found == []


def test_no_assertion_is_hidden_from_the_type_checker_without_a_reason() -> None:
    bare = re.compile(r"#\s*type:\s*ignore(?!\[)")

    assert [name for name in modules() if bare.search(path_of(name).read_text())] == []
