"""The wires by which the rows of the matrix of rights are asked, and what each answer means as a status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from monynha.app.catalog import CATALOG
from monynha.core.errors import Fault
from monynha.domains.notifications.http import ACTIONS
from monynha.engine.resource import Resource
from tests.laws.matrix import Row, Scene
from tests.protocols.graphql.asking import ask

_DONE = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_WORDS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


def _statuses(kind: type[Fault]) -> dict[str, int]:
    found = {kind.code: kind.status}
    for one in kind.__subclasses__():
        found |= _statuses(one)
    return found


_STATUSES = _statuses(Fault)


@dataclass(frozen=True)
class Asked:
    """One row's request in one scene: the address of what it is done to, and what is sent."""

    row: Row
    path: str
    body: dict[str, Any] | None

    @classmethod
    async def of(cls, row: Row, scene: Scene) -> Asked:
        """Make what is needed for the request."""
        body = dict(row.body) if row.body is not None else None
        if row.path == "/projects/{id}/members" and body is not None:
            body["userId"] = str((await scene.cast.people.new("New")).id)
        if body is not None and "email" in body:
            body["email"] = f"{uuid4().hex}@example.com"
        return cls(row, await row.find(scene), body)


async def by_rest(asked: Asked, scene: Scene) -> int:
    """Return the status that REST answers."""
    return (await scene.actor.ask(asked.row.method, asked.path, json=asked.body)).status_code


async def by_graphql(asked: Asked, scene: Scene) -> int:
    """Return the status that GraphQL's answer amounts to.

    What is not seen is null, and below what is not seen is an empty list: both are REST's 404.
    """
    form = form_of(asked.row)
    text, ids = form.document, [part for part in asked.path.split("/") if part][1::2]
    variables: dict[str, object] = {} if form.is_deed else dict(zip(form.ids, ids, strict=True))
    if asked.body is not None:
        variables["input"] = asked.body
    answer = (await ask(scene.actor, text, variables)).json()
    if answer.get("errors"):
        return _STATUSES[answer["errors"][0]["extensions"]["code"]]
    told = answer["data"][form.field]
    is_hidden = told is None or (told == [] and form.is_below)
    done = 200 if form.is_deed else _DONE[asked.row.method]
    return 404 if is_hidden else done


@dataclass(frozen=True)
class Form:
    """A row's root field of GraphQL, and its arguments."""

    field: str
    ids: tuple[str, ...]
    kind: str
    input: str | None = None
    is_below: bool = False
    is_deed: bool = False

    @property
    def document(self) -> str:
        """The document that asks it."""
        given = dict.fromkeys(self.ids, "ID!") | ({"input": f"{self.input}!"} if self.input else {})
        declared = ", ".join(f"${name}: {type_}" for name, type_ in given.items())
        passed = ", ".join(f"{name}: ${name}" for name in given)
        head = f"{self.kind}({declared})" if given else self.kind
        shown = "" if self.is_deed or self.field.startswith("delete") else " { __typename }"
        return f"{head} {{ {self.field}{f'({passed})' if given else ''}{shown} }}"


def form_of(row: Row) -> Form:
    """Return how GraphQL asks the same."""
    deed = next((one.name for one in ACTIONS if (one.method, one.path) == (row.method, row.path)), None)
    if deed is not None:
        return Form(deed, (), "mutation", is_deed=True)
    names = row.path.strip("/").split("/")
    resource = CATALOG.resources[names[-1] if len(names) % 2 else names[-2]]
    parent = CATALOG.resources[names[0]] if len(names) > 2 else None
    ids: tuple[str, ...] = () if parent is None else (f"{parent.singular}Id",)
    if len(names) % 2 == 0:
        ids += ("id" if parent is None else names[-1][1:-1],)
    noun = _noun(resource)
    if row.method == "GET":
        field = resource.singular if len(names) % 2 == 0 else resource.plural
        return Form(field, ids, "query", is_below=len(names) == 3)
    word = _WORDS[row.method]
    sent = None if word == "delete" else f"{word.capitalize()}{noun}Input"
    return Form(f"{word}{noun}", ids, "mutation", sent)


def _noun(resource: Resource) -> str:
    return resource.singular[:1].upper() + resource.singular[1:]
