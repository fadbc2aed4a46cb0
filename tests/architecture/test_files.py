"""Files and functions stay small and documented, and nothing tracked names a machine or a registry."""

from __future__ import annotations

import ast
import fnmatch
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT, definitions, is_public, modules, path_of, trees_of_tests

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 40
FOLDERS = ("src", "tests", "bench", "docs")
MEANINGLESS_NAMES = {"utils", "helpers", "common", "base", "manager", "misc", "parts", "stuff"}
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w+")
REGISTRY = re.compile(r"https?://(?:pypi|files\.pythonhosted|registry\.npmjs|proxy\.golang|[\w.-]*artifact)[\w.-]*")


def tracked_files() -> list[str]:
    """Return the paths of all files that belong to the project: git's list, or without git what is there."""
    if (ROOT / ".git").exists() and shutil.which("git"):
        listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
        return [name for name in listing.stdout.split("\x00") if name and (ROOT / name).is_file()]
    return files_outside_ignored_folders()


def files_outside_ignored_folders() -> list[str]:
    """Return the paths of the files in the folders of the project, without those that `.gitignore` names."""
    lines = (ROOT / ".gitignore").read_text().splitlines()
    ignored_names = [line.rstrip("/").rpartition("/")[2] for line in lines if line.endswith("/")]
    is_ignored = re.compile("|".join(map(fnmatch.translate, ignored_names))).match
    paths = [path.relative_to(ROOT) for name in FOLDERS for path in (ROOT / name).rglob("*.*") if path.is_file()]
    return [str(path) for path in paths if not any(map(is_ignored, path.parts))]


def test_files_without_git_are_those_of_git() -> None:
    files = set(files_outside_ignored_folders())
    tracked = {name for name in tracked_files() if name.startswith(FOLDERS) and "." in Path(name).name}

    assert tracked - files == set()
    assert not any("node_modules" in name or "__pycache__" in name for name in files)


def test_no_python_file_is_too_long() -> None:
    names = [name for name in tracked_files() if name.endswith(".py")]
    lengths = {name: len((ROOT / name).read_text().splitlines()) for name in names}

    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


@pytest.mark.parametrize("name", modules())
def test_no_function_is_too_long(name: str) -> None:
    lengths = {
        inner: (node.end_lineno or node.lineno) - node.lineno + 1
        for inner, node in definitions(modules()[name])
        if not isinstance(node, ast.ClassDef)
    }

    assert {inner: length for inner, length in lengths.items() if length > MAX_FUNCTION_LINES} == {}


@pytest.mark.parametrize("name", modules())
def test_everything_public_has_a_docstring(name: str) -> None:
    tree = modules()[name]
    undocumented = [
        inner
        for inner, node in definitions(tree)
        if not any(part.startswith("_") for part in inner.split("."))
        and not _is_nested_in_function(tree, inner)
        and ast.get_docstring(node) is None
    ]
    if tree.body and ast.get_docstring(tree) is None:
        undocumented.insert(0, name)

    assert undocumented == []


def _is_nested_in_function(tree: ast.Module, name: str) -> bool:
    kinds = dict(definitions(tree))
    parents = [name.rpartition(".")[0]]
    while parents[-1]:
        parents.append(parents[-1].rpartition(".")[0])
    return any(not isinstance(kinds[parent], ast.ClassDef) for parent in parents if parent)


def test_package_interfaces_contain_no_logic() -> None:
    with_logic = [
        name
        for name, tree in modules().items()
        if path_of(name).name == "__init__.py"
        and any(isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for node in tree.body)
    ]

    assert with_logic == []


def test_every_package_interface_lists_its_modules() -> None:
    unlisted = []
    for name, tree in modules().items():
        path = path_of(name)
        if path.name != "__init__.py" or name == "monynha.migrations.versions":
            continue
        docstring = ast.get_docstring(tree) or ""
        contents = [entry for entry in path.parent.iterdir() if _is_part_of_package(entry)]
        unlisted += [f"{name}: {e.stem}" for e in contents if not re.search(rf"\b{e.stem}\b", docstring)]

    assert sorted(unlisted) == []


def _is_part_of_package(entry: Path) -> bool:
    if entry.is_dir():
        return (entry / "__init__.py").exists()
    return entry.suffix == ".py" and entry.stem != "__init__"


def test_no_file_has_a_meaningless_name() -> None:
    paths = [*(str(path_of(name)) for name in modules()), *trees_of_tests()]
    words = {path: {*Path(path).stem.split("_"), *Path(path).parts} for path in paths}

    assert [path for path in paths if words[path] & MEANINGLESS_NAMES] == []


def test_no_tracked_file_names_a_machine_or_a_registry() -> None:
    matches = []
    for name in tracked_files():
        try:
            text = (ROOT / name).read_text()
        except UnicodeDecodeError:
            continue
        if name != "tests/architecture/test_files.py":
            matches += [(name, match) for match in (*MACHINE.findall(text), *REGISTRY.findall(text))]

    assert matches == []


def test_public_names_are_what_is_public() -> None:
    assert [is_public(name) for name in ("Task", "Task.__init__", "_Task", "Task._row")] == [
        True,
        True,
        False,
        False,
    ]
