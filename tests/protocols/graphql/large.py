"""Documents that are as dear as the limits let them be, each in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TASK = "id title description status priority dueDate tags createdAt updatedAt assigneeId projectId"
USER = "id name email avatarUrl emailVerified createdAt updatedAt"
PROJECT = "id name description status createdAt updatedAt settings"
MARK = "7e57c0de"
"""Stands for the id of a project."""


@dataclass(frozen=True)
class Large:
    """A document with the variables it is sent with."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)

    def anew(self, number: int, project: str) -> Large:
        """Return the same as a text that was never read before, about a project."""
        return Large(f"{self.text.replace(MARK, project)} #{number}", self.variables)


def many(pattern: str, count: int) -> str:
    """Return so many of a pattern, in which # is their number."""
    return " ".join(pattern.replace("#", str(number)) for number in range(count))


def in_project(below: str) -> str:
    """Return a query of what is below one project."""
    return f"{{ projects(limit: 1) {{ {below} }} }}"


def ways(levels: int) -> str:
    """Return a way that goes forth and back, so many levels deep."""
    opened = ("projects(limit: 1) { id ", "owner { id name ")
    return "".join(opened[level % 2] for level in range(levels)) + "id" + " }" * levels


def fragments(pattern: str, count: int) -> str:
    """Return so many fragments, in which # is their number and + that of the next."""
    made = (pattern.replace("+", str(number + 1)).replace("#", str(number)) for number in range(count))
    return " ".join(made)


PAGE = "total nextCursor nodes {"
_ALL = (
    '{status: [todo, done], priority: [low], assigneeId: ["me"], tag: ["a"], q: "a b c", '
    'dueBefore: "2026-01-01T00:00:00Z", dueAfter: "2026-01-01T00:00:00Z"}'
)
_MEMBERS = "members(limit: 1) { role user { name posts(limit: 1) { id author { name } } } }"
_CREATED = f"{TASK} project {{ id name owner {{ id }} tasks(limit: 1) {{ id }} {{}} }}".replace(
    "{}", "members(limit: 1) { role user { id } }"
)
_TOLD = f"tasks(limit: 1) {{ {TASK} }} members(limit: 1) {{ role user {{ {USER} }} }}"
_VARIABLES = {
    name: value
    for number in range(38)
    for name, value in {
        f"w{number}": {"q": "a b", "status": ["todo"], "tag": ["x"], "assigneeId": ["me"]},
        f"o{number}": 1,
        f"l{number}": 1,
        f"s{number}": True,
    }.items()
}
_SWITCHES = {f"s{number}": True for number in range(38)}

LARGE: dict[str, Large] = {
    "twenty lists of all columns": Large(
        "{" + many(f"a#: tasks(limit: 1) {{ {TASK} project {{ {PROJECT} }} }}", 20) + "}"
    ),
    "twenty roots of lists": Large(
        "{"
        + many(f"a#: projects(limit: 1) {{ tasks(limit: 1) {{ id assignee {{ id }} }} {_MEMBERS} }}", 20)
        + "}"
    ),
    "a hundred lists side by side": Large(in_project(many("a#: tasks(limit: 1) { id title status }", 100))),
    "pages side by side": Large(in_project(many(f"a#: tasksPage(limit: 1) {{ {PAGE} id title }} }}", 82))),
    "pages within pages": Large(
        "{"
        + many(
            f"a#: projectsPage(limit: 1) {{ {PAGE} id name tasksPage(limit: 1) {{ {PAGE} id title }} }}"
            f" membersPage(limit: 1) {{ {PAGE} role user {{ id name }} }} }} }} }}",
            20,
        )
        + "}"
    ),
    "deep and wide": Large("{" + many(f'a#: user(id: "me") {{ {ways(18)} }}', 10) + "}"),
    "all filters": Large(
        in_project(
            many(f"a#: tasks(limit: 1, offset: 1, orderBy: PRIORITY_DESC, where: {_ALL}) {{ id }}", 35)
        )
    ),
    "filters of variables": Large(
        "query ($q: String!, $n: Int) "
        + in_project(many('a#: tasks(limit: $n, where: {q: $q, tag: ["a", $q], status: [todo]}) { id }', 45)),
        {"q": "a b", "n": 1},
    ),
    "many variables": Large(
        f"query ({many('$w#: TaskWhere, $o#: Int, $l#: Int, $s#: Boolean!', 38)}) "
        + in_project(many("a#: tasks(where: $w#, offset: $o#, limit: $l#) @include(if: $s#) { id }", 38)),
        _VARIABLES,
    ),
    "one variable everywhere": Large(
        f"{many('query q#($v: Int) { projects(limit: 1) { ...f } }', 45)} "
        f"fragment f on Project {{ {many('a#: tasks(limit: $v, offset: $v) { id }', 60)} }}",
        {"v": 1},
    ),
    "operations that share a chain": Large(
        f"{many('query q# { ...f0 }', 100)} {fragments('fragment f# on Query { ...f+ }', 140)} "
        "fragment f140 on Query { __typename }"
    ),
    "a fragment spread often": Large(
        f"{in_project(many('a#: tasks(limit: 1) { ...f }', 38))} fragment f on Task {{ {TASK} }}"
    ),
    "fragments that double": Large(
        f"{{ ...f0 }} {fragments('fragment f# on Query { ...f+ ...f+ }', 5)} "
        "fragment f5 on Query { projects { id } }"
    ),
    "one list merged": Large(
        "{" + "projects(limit: 1) { id name owner { id name } tasks { id status } } " * 51 + "}"
    ),
    "one leaf merged": Large("{ users { id } " + many("a#: users { id " + "id " * 2 + "}", 19) + "}"),
    "fragments merged": Large(
        f"{in_project(many('...f#', 50))} {many('fragment f# on Project { tasks { id title } }', 50)}"
    ),
    "fragments merged all the way down": Large(
        "{ projects(limit: 1) { ...f0 ...g0 } } "
        + fragments(
            "fragment f# on Project { owner { projects(limit: 1) { ...f+ ...g+ } } } "
            "fragment g# on Project { owner { projects(limit: 1) { ...f+ } } }",
            6,
        )
        + " fragment f6 on Project { id } fragment g6 on Project { id }"
    ),
    "a big object": Large(
        f'mutation {{ createTask(projectId: "{MARK}", input: '
        f'{{title: "t", tags: [{many(chr(34) + "tag#" + chr(34), 900)}]}}) {{ id }} '
        f'updateProject(id: "{MARK}", input: {{settings: {{ {many("k#: { a: [1, 2] }", 90)} }}}}) {{ id }} }}'
    ),
    "many values": Large("{ tasks(where: {status: [" + "todo " * 1900 + "]}) { id } }"),
    "many values of a variable": Large(
        "query ($w: TaskWhere) { tasks(where: $w) { id } }", {"w": {"assigneeId": ["me"] * 150_000}}
    ),
    "twenty changes": Large(
        "mutation {"
        + many(
            f'a#: createTask(projectId: "{MARK}", input: {{title: "t", tags: ["a"]}}) {{ {_CREATED} }}', 20
        )
        + "}"
    ),
    "a subscription": Large(
        f'subscription {{ taskChanged(projectId: "{MARK}") {{ {many(f"a#: project {{ {_TOLD} }}", 18)} }} }}'
    ),
    "names nearly right": Large(in_project(many("a#: tasksPag(limt: 1, offst: 2) { nods }", 100))),
    "many switches": Large(
        f"query ({many('$s#: Boolean!', 38)}) "
        + in_project(many(f"a#: tasks(limit: 1) @include(if: $s#) {{ {TASK} }}", 38)),
        _SWITCHES,
    ),
    "the types, again and again": Large(
        "{" + many('a#: __type(name: "Task") { fields { type { fields { type { name } } } } }', 20) + "}"
    ),
}
