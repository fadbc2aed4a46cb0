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
TIMESTAMPS = ["2026-03-01T00:00:00.000000Z", "2026-05-01T00:00:00.000000Z"]
TEXTS = {
    "q": ["task", "100%", "2", "no such word", "\\"],
    "tag": ["red", "blue", "green"],
    "action": ["session.created", "sign_in.failed"],
    "targetType": ["user", "session"],
    "targetId": ["no such id"],
    "ip": ["127.0.0.1"],
    "requestId": ["no such request"],
    "queue": ["email", "file-processing"],
    "contentType": ["image/png", "text/plain"],
    "after": [],
}


@dataclass
class _DocumentBuilder:
    """Collects the fragments and variables of a document, and draws choices."""

    draw: Any
    fragments: list[str] = field(default_factory=list)
    declared: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    budget: int = 40

    def chance(self, percent: int) -> bool:
        is_chosen: bool = self.draw(st.integers(0, 99)) < percent
        return is_chosen

    def pick(self, items: list[Any]) -> Any:
        return self.draw(st.sampled_from(items))


@st.composite
def documents(draw: Any, schema: GraphQLSchema) -> tuple[str, dict[str, Any]]:
    """Return a document of the schema and its variables; its aliases may collide.

    Ids are placeholders for rows that do not exist yet, as `<user 1>`.
    """
    builder = _DocumentBuilder(draw)
    assert schema.query_type is not None
    body = _selections(builder, schema.query_type, 0)
    head = f"query Q({', '.join(builder.declared)})" if builder.declared else "query Q"
    return "\n".join([f"{head} {body}", *builder.fragments]), builder.variables


def _selections(builder: _DocumentBuilder, object_type: GraphQLObjectType, depth: int) -> str:
    names = [
        name for name in object_type.fields if depth < 4 or is_leaf_type(get_named_type(object_type.fields[name].type))
    ]
    if not names:
        return "{ __typename }"
    lines: list[str] = []
    for _ in range(builder.draw(st.integers(1, 4))):
        line = _field(builder, object_type, names, depth)
        shape = builder.draw(st.integers(0, 11))
        if shape == 0:
            line = f"... {_directive(builder)} {{ {line} }}"
        elif shape == 1:
            line = f"... on {object_type.name} {_directive(builder)} {{ {line} }}"
        elif shape == 2:
            name = f"F{len(builder.fragments)}"
            builder.fragments.append(f"fragment {name} on {object_type.name} {{ {line} }}")
            line = f"...{name} {_directive(builder)}"
        lines.append(line)
    return "{ " + " ".join(lines) + " }"


def _field(builder: _DocumentBuilder, object_type: GraphQLObjectType, names: list[str], depth: int) -> str:
    alias = f"{builder.pick(ALIASES)}: " if builder.chance(25) else ""
    builder.budget -= 1
    if builder.budget < 0 or builder.chance(8):
        return f"{alias}__typename {_directive(builder)}"
    name = builder.pick(names)
    field: GraphQLField = object_type.fields[name]
    nested_type = get_named_type(field.type)
    nested = _selections(builder, nested_type, depth + 1) if isinstance(nested_type, GraphQLObjectType) else ""
    return f"{alias}{name}{_arguments(builder, name, field)} {_directive(builder)} {nested}"


def _directive(builder: _DocumentBuilder) -> str:
    if not builder.chance(12):
        return ""
    directive = builder.pick(["skip", "include"])
    value = builder.draw(st.booleans())
    condition = _variable(builder, "Boolean!", value) if builder.chance(50) else str(value).lower()
    return f"@{directive}(if: {condition})"


def _variable(builder: _DocumentBuilder, type_name: str, value: Any) -> str:
    name = f"v{len(builder.declared)}"
    builder.declared.append(f"${name}: {type_name}")
    builder.variables[name] = value
    return f"${name}"


def _arguments(builder: _DocumentBuilder, name: str, field: GraphQLField) -> str:
    rendered: list[str] = []
    for argument_name, argument in field.args.items():
        if argument_name == "after" or not (is_required_argument(argument) or builder.chance(30)):
            continue
        rendered.append(f"{argument_name}: {_argument(builder, name, argument_name, argument)}")
    if "limit" in field.args and not any(argument.startswith("limit") for argument in rendered):
        rendered.append(f"limit: {builder.draw(st.integers(1, 4))}")
    return f"({', '.join(rendered)})" if rendered else ""


def _argument(builder: _DocumentBuilder, name: str, argument_name: str, argument: GraphQLArgument) -> str:
    value = _value(builder, name, argument_name, argument.type)
    if builder.chance(40):
        return _variable(builder, str(argument.type), _json_value(value))
    return _literal(value)


@dataclass(frozen=True)
class _Enum:
    name: str


def _value(builder: _DocumentBuilder, name: str, argument_name: str, value_type: Any) -> Any:
    if isinstance(value_type, GraphQLNonNull):
        value_type = value_type.of_type
    elif builder.chance(6):
        return None
    if isinstance(value_type, GraphQLList):
        return [
            _value(builder, name, argument_name, value_type.of_type) for _ in range(builder.draw(st.integers(1, 2)))
        ]
    if isinstance(value_type, GraphQLEnumType):
        return _Enum(builder.pick(list(value_type.values)))
    if isinstance(value_type, GraphQLInputObjectType):
        return {
            key: _value(builder, name, key, field.type)
            for key, field in value_type.fields.items()
            if builder.chance(25)
        }
    return _scalar(builder, name, argument_name, value_type.name)


def _scalar(builder: _DocumentBuilder, name: str, argument_name: str, type_name: str) -> Any:
    if argument_name == "limit":
        return builder.draw(st.integers(1, 5))
    if argument_name == "offset":
        return builder.draw(st.integers(0, 3))
    if type_name == "DateTime":
        return builder.pick(TIMESTAMPS)
    if type_name == "Boolean":
        return builder.chance(50)
    if type_name == "ID":
        noun = (
            name.removesuffix("Page") if argument_name == "id" else {"projectId": "project"}.get(argument_name, "user")
        )
        places = [f"<{noun} {index}>" for index in range(3)]
        return builder.pick([*places, "me"] if noun == "user" else places)
    return builder.pick(TEXTS[argument_name])


def _json_value(value: Any) -> Any:
    if isinstance(value, _Enum):
        return value.name
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    if isinstance(value, dict):
        return {key: _json_value(member) for key, member in value.items()}
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
        return f"[{', '.join(_literal(item) for item in value)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_literal(member)}" for key, member in value.items()) + "}"
    return str(value)


def with_ids(value: Any, ids: dict[str, list[str]]) -> Any:
    """Return a document, or its variables, with ids in the place of the placeholders."""
    if isinstance(value, dict):
        return {key: with_ids(member, ids) for key, member in value.items()}
    if isinstance(value, list):
        return [with_ids(item, ids) for item in value]
    if isinstance(value, str):
        return re.sub(r"<(\w+) (\d)>", lambda match: ids[match[1]][int(match[2])], value)
    return value
