"""Documents that are as costly as the limits allow, each in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

TASK_FIELDS = "id title description status priority dueDate tags createdAt updatedAt assigneeId projectId"
USER_FIELDS = "id name email avatarUrl emailVerified createdAt updatedAt"
PROJECT_FIELDS = "id name description status createdAt updatedAt settings"
PROJECT_ID = "7e57c0de"
"""Placeholder for the id of a project."""


@dataclass(frozen=True)
class LargeDocument:
    """A document and its variables."""

    text: str
    variables: dict[str, Any] = field(default_factory=dict)

    def with_new_text(self, number: int, project: str) -> LargeDocument:
        """Return the same document as a text that is in no cache, for a project."""
        return LargeDocument(f"{self.text.replace(PROJECT_ID, project)} #{number}", self.variables)


def repeat(pattern: str, count: int) -> str:
    """Repeat a pattern, with # replaced by the number."""
    return " ".join(pattern.replace("#", str(number)) for number in range(count))


def in_project(selections: str) -> str:
    """Return a query with selections on a project."""
    return f"{{ projects(limit: 1) {{ {selections} }} }}"


def nested_relations(levels: int) -> str:
    """Return relations between projects and users, nested so many levels deep."""
    openings = ("projects(limit: 1) { id ", "owner { id name ")
    return "".join(openings[level % 2] for level in range(levels)) + "id" + " }" * levels


def fragments(pattern: str, count: int) -> str:
    """Repeat a fragment, with # replaced by its number and + by the next one's."""
    rendered = (pattern.replace("+", str(number + 1)).replace("#", str(number)) for number in range(count))
    return " ".join(rendered)


PAGE = "total nextCursor nodes {"
_ALL_FILTERS = (
    '{status: [todo, done], priority: [low], assigneeId: ["me"], tag: ["a"], q: "a b c", '
    'dueBefore: "2026-01-01T00:00:00Z", dueAfter: "2026-01-01T00:00:00Z"}'
)
_MEMBERS = "members(limit: 1) { role user { name posts(limit: 1) { id author { name } } } }"
_CREATED_SELECTION = f"{TASK_FIELDS} project {{ id name owner {{ id }} tasks(limit: 1) {{ id }} {{}} }}".replace(
    "{}", "members(limit: 1) { role user { id } }"
)
_PAYLOAD_SELECTION = f"tasks(limit: 1) {{ {TASK_FIELDS} }} members(limit: 1) {{ role user {{ {USER_FIELDS} }} }}"
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
_INCLUDE_VARIABLES = {f"s{number}": True for number in range(38)}

LARGE_DOCUMENTS: dict[str, LargeDocument] = {
    "twenty lists of all columns": LargeDocument(
        "{" + repeat(f"a#: tasks(limit: 1) {{ {TASK_FIELDS} project {{ {PROJECT_FIELDS} }} }}", 20) + "}"
    ),
    "twenty roots of lists": LargeDocument(
        "{" + repeat(f"a#: projects(limit: 1) {{ tasks(limit: 1) {{ id assignee {{ id }} }} {_MEMBERS} }}", 20) + "}"
    ),
    "a hundred lists side by side": LargeDocument(in_project(repeat("a#: tasks(limit: 1) { id title status }", 100))),
    "pages side by side": LargeDocument(in_project(repeat(f"a#: tasksPage(limit: 1) {{ {PAGE} id title }} }}", 82))),
    "pages within pages": LargeDocument(
        "{"
        + repeat(
            f"a#: projectsPage(limit: 1) {{ {PAGE} id name tasksPage(limit: 1) {{ {PAGE} id title }} }}"
            f" membersPage(limit: 1) {{ {PAGE} role user {{ id name }} }} }} }} }}",
            20,
        )
        + "}"
    ),
    "deep and wide": LargeDocument("{" + repeat(f'a#: user(id: "me") {{ {nested_relations(18)} }}', 10) + "}"),
    "all filters": LargeDocument(
        in_project(
            repeat(f"a#: tasks(limit: 1, offset: 1, orderBy: PRIORITY_DESC, where: {_ALL_FILTERS}) {{ id }}", 35)
        )
    ),
    "filters of variables": LargeDocument(
        "query ($q: String!, $n: Int) "
        + in_project(repeat('a#: tasks(limit: $n, where: {q: $q, tag: ["a", $q], status: [todo]}) { id }', 45)),
        {"q": "a b", "n": 1},
    ),
    "many variables": LargeDocument(
        f"query ({repeat('$w#: TaskWhere, $o#: Int, $l#: Int, $s#: Boolean!', 38)}) "
        + in_project(repeat("a#: tasks(where: $w#, offset: $o#, limit: $l#) @include(if: $s#) { id }", 38)),
        _VARIABLES,
    ),
    "one variable everywhere": LargeDocument(
        f"{repeat('query q#($v: Int) { projects(limit: 1) { ...f } }', 45)} "
        f"fragment f on Project {{ {repeat('a#: tasks(limit: $v, offset: $v) { id }', 60)} }}",
        {"v": 1},
    ),
    "operations that share a chain": LargeDocument(
        f"{repeat('query q# { ...f0 }', 100)} {fragments('fragment f# on Query { ...f+ }', 140)} "
        "fragment f140 on Query { __typename }"
    ),
    "a fragment spread often": LargeDocument(
        f"{in_project(repeat('a#: tasks(limit: 1) { ...f }', 38))} fragment f on Task {{ {TASK_FIELDS} }}"
    ),
    "fragments that double": LargeDocument(
        f"{{ ...f0 }} {fragments('fragment f# on Query { ...f+ ...f+ }', 5)} "
        "fragment f5 on Query { projects { id } }"
    ),
    "one list merged": LargeDocument(
        "{" + "projects(limit: 1) { id name owner { id name } tasks { id status } } " * 51 + "}"
    ),
    "one leaf merged": LargeDocument("{ users { id } " + repeat("a#: users { id " + "id " * 2 + "}", 19) + "}"),
    "fragments merged": LargeDocument(
        f"{in_project(repeat('...f#', 50))} {repeat('fragment f# on Project { tasks { id title } }', 50)}"
    ),
    "fragments merged all the way down": LargeDocument(
        "{ projects(limit: 1) { ...f0 ...g0 } } "
        + fragments(
            "fragment f# on Project { owner { projects(limit: 1) { ...f+ ...g+ } } } "
            "fragment g# on Project { owner { projects(limit: 1) { ...f+ } } }",
            6,
        )
        + " fragment f6 on Project { id } fragment g6 on Project { id }"
    ),
    "a big object": LargeDocument(
        f'mutation {{ createTask(projectId: "{PROJECT_ID}", input: '
        f'{{title: "t", tags: [{repeat(chr(34) + "tag#" + chr(34), 900)}]}}) {{ id }} '
        f'updateProject(id: "{PROJECT_ID}", input: {{settings: {{ {repeat("k#: { a: [1, 2] }", 90)} }}}}) {{ id }} }}'
    ),
    "many values": LargeDocument("{ tasks(where: {status: [" + "todo " * 1900 + "]}) { id } }"),
    "many values of a variable": LargeDocument(
        "query ($w: TaskWhere) { tasks(where: $w) { id } }", {"w": {"assigneeId": ["me"] * 150_000}}
    ),
    "twenty changes": LargeDocument(
        "mutation {"
        + repeat(
            f'a#: createTask(projectId: "{PROJECT_ID}", input: {{title: "t", tags: ["a"]}}) {{ {_CREATED_SELECTION} }}',
            20,
        )
        + "}"
    ),
    "a subscription": LargeDocument(
        f'subscription {{ taskChanged(projectId: "{PROJECT_ID}") '
        f"{{ {repeat(f'a#: project {{ {_PAYLOAD_SELECTION} }}', 18)} }} }}"
    ),
    "names nearly right": LargeDocument(in_project(repeat("a#: tasksPag(limt: 1, offst: 2) { nods }", 100))),
    "many switches": LargeDocument(
        f"query ({repeat('$s#: Boolean!', 38)}) "
        + in_project(repeat(f"a#: tasks(limit: 1) @include(if: $s#) {{ {TASK_FIELDS} }}", 38)),
        _INCLUDE_VARIABLES,
    ),
    "the types, again and again": LargeDocument(
        "{" + repeat('a#: __type(name: "Task") { fields { type { fields { type { name } } } } }', 20) + "}"
    ),
}
