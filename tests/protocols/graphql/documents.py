"""Random documents of a schema: aliases that merge, fragments, directives, variables, every argument."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_leaf_type,
    is_required_argument,
)
from hypothesis import strategies as st

ALIASES = ["a", "b", "id", "title", "nodes", "__x", "Task", "mark0", "shown", "task_1", "v0"]
MOMENTS = ["2026-03-01T00:00:00.000000Z", "2026-05-01T00:00:00.000000Z"]
WORDS = {"q": ["task", "100%", "2", "no such word", "\\"], "tag": ["red", "blue", "green"], "after": []}


@dataclass
class _Writing:
    """A document on its way: its fragments and variables, and how to choose."""

    draw: Any
    fragments: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    budget: int = 40

    def chance(self, percent: int) -> bool:
        found: bool = self.draw(st.integers(0, 99)) < percent
        return found

    def one_of(self, items: list[Any]) -> Any:
        return self.draw(st.sampled_from(items))


@st.composite
def documents(draw: Any, schema: GraphQLSchema) -> tuple[str, dict[str, Any]]:
    """Return a document and its variables; it is of the schema, but its aliases may collide.

    Ids are places in a world that is not made yet, as `<user 1>`.
    """
    writing = _Writing(draw)
    assert schema.query_type is not None
    body = _selections(writing, schema.query_type, 0)
    head = f"query Q({', '.join(writing.declared)})" if writing.declared else "query Q"
    return "\n".join([f"{head} {body}", *writing.fragments]), writing.variables


def _selections(writing: _Writing, kind: GraphQLObjectType, depth: int) -> str:
    names = [
        name for name in kind.fields if depth < 4 or is_leaf_type(get_named_type(kind.fields[name].type))
    ]
    if not names:
        return "{ __typename }"
    lines: list[str] = []
    for _ in range(writing.draw(st.integers(1, 4))):
        line = _line(writing, kind, names, depth)
        shape = writing.draw(st.integers(0, 11))
        if shape == 0:
            line = f"... {_directive(writing)} {{ {line} }}"
        elif shape == 1:
            line = f"... on {kind.name} {_directive(writing)} {{ {line} }}"
        elif shape == 2:
            name = f"F{len(writing.fragments)}"
            writing.fragments.append(f"fragment {name} on {kind.name} {{ {line} }}")
            line = f"...{name} {_directive(writing)}"
        lines.append(line)
    return "{ " + " ".join(lines) + " }"


def _line(writing: _Writing, kind: GraphQLObjectType, names: list[str], depth: int) -> str:
    alias = f"{writing.one_of(ALIASES)}: " if writing.chance(25) else ""
    writing.budget -= 1
    if writing.budget < 0 or writing.chance(8):
        return f"{alias}__typename {_directive(writing)}"
    name = writing.one_of(names)
    made: GraphQLField = kind.fields[name]
    below = get_named_type(made.type)
    inner = _selections(writing, below, depth + 1) if isinstance(below, GraphQLObjectType) else ""
    return f"{alias}{name}{_arguments(writing, name, made)} {_directive(writing)} {inner}"


def _directive(writing: _Writing) -> str:
    if not writing.chance(12):
        return ""
    word = writing.one_of(["skip", "include"])
    value = writing.draw(st.booleans())
    shown = _variable(writing, "Boolean!", value) if writing.chance(50) else str(value).lower()
    return f"@{word}(if: {shown})"


def _variable(writing: _Writing, kind: str, value: Any) -> str:
    name = f"v{len(writing.declared)}"
    writing.declared.append(f"${name}: {kind}")
    writing.variables[name] = value
    return f"${name}"


def _arguments(writing: _Writing, name: str, made: GraphQLField) -> str:
    given: list[str] = []
    for word, argument in made.args.items():
        if word == "after" or not (is_required_argument(argument) or writing.chance(30)):
            continue
        given.append(f"{word}: {_argument(writing, name, word, argument)}")
    if "limit" in made.args and not any(one.startswith("limit") for one in given):
        given.append(f"limit: {writing.draw(st.integers(1, 4))}")
    return f"({', '.join(given)})" if given else ""


def _argument(writing: _Writing, name: str, word: str, argument: GraphQLArgument) -> str:
    value = _value(writing, name, word, argument.type)
    if writing.chance(40):
        return _variable(writing, str(argument.type), _plain(value))
    return _literal(value)


@dataclass(frozen=True)
class _Enum:
    name: str


def _value(writing: _Writing, name: str, word: str, kind: Any) -> Any:
    if isinstance(kind, GraphQLNonNull):
        kind = kind.of_type
    elif writing.chance(6):
        return None
    if isinstance(kind, GraphQLList):
        return [_value(writing, name, word, kind.of_type) for _ in range(writing.draw(st.integers(1, 2)))]
    if isinstance(kind, GraphQLEnumType):
        return _Enum(writing.one_of(list(kind.values)))
    if isinstance(kind, GraphQLInputObjectType):
        return {
            key: _value(writing, name, key, one.type)
            for key, one in kind.fields.items()
            if writing.chance(25)
        }
    return _scalar(writing, name, word, kind.name)


def _scalar(writing: _Writing, name: str, word: str, kind: str) -> Any:
    if word == "limit":
        return writing.draw(st.integers(1, 5))
    if word == "offset":
        return writing.draw(st.integers(0, 3))
    if kind == "DateTime":
        return writing.one_of(MOMENTS)
    if kind == "Boolean":
        return writing.chance(50)
    if kind == "ID":
        noun = name.removesuffix("Page") if word == "id" else {"projectId": "project"}.get(word, "user")
        places = [f"<{noun} {index}>" for index in range(3)]
        return writing.one_of([*places, "me"] if noun == "user" else places)
    return writing.one_of(WORDS[word])


def _plain(value: Any) -> Any:
    if isinstance(value, _Enum):
        return value.name
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    return value


def _literal(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, _Enum):
        return value.name
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    if isinstance(value, list):
        return f"[{', '.join(_literal(one) for one in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_literal(one)}" for key, one in value.items()) + "}"
    return str(value)


def placed(value: Any, ids: dict[str, list[str]]) -> Any:
    """Return a document, or its variables, with the ids of a world in their places."""
    if isinstance(value, dict):
        return {key: placed(one, ids) for key, one in value.items()}
    if isinstance(value, list):
        return [placed(one, ids) for one in value]
    if isinstance(value, str):
        return re.sub(r"<(\w+) (\d)>", lambda match: ids[match[1]][int(match[2])], value)
    return value
