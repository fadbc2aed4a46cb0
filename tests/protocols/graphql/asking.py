"""How tests ask GraphQL, and a small world to ask about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.people import People, Person

GRAPHQL = "application/graphql-response+json"


async def ask(
    person: Person,
    query: str,
    variables: Mapping[str, object] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    **rest: object,
) -> httpx.Response:
    """Send a document as somebody."""
    known = {"authorization": f"Bearer {person.token}"} if person.token else {}
    body = {"query": query, "variables": variables, **rest}
    return await person.client.post("/graphql", json=body, headers={**known, **(headers or {})})


async def data(person: Person, query: str, **variables: object) -> Any:
    """Return what a document answers; it must answer without errors."""
    answer = await ask(person, query, variables)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert "errors" not in body, body
    return body["data"]


async def errors(person: Person, query: str, **variables: object) -> list[dict[str, Any]]:
    """Return the errors of a document, without the ids of requests; it must have some."""
    answer = await ask(person, query, variables)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["errors"]
    for error in found:
        error["extensions"].pop("requestId", None)
    return found


async def codes(person: Person, query: str, **variables: object) -> list[str]:
    """Return the codes of a document's errors, none where it was answered."""
    body = (await ask(person, query, variables)).json()
    return [error["extensions"]["code"] for error in body.get("errors", [])]


@dataclass(frozen=True, repr=False)
class World:
    """Two projects, people in and outside of them, and all there is to see for each."""

    ada: Person
    grace: Person
    eve: Person
    admin: Person

    def person(self, name: str) -> Person:
        """Return one of them by name."""
        found = getattr(self, name)
        assert isinstance(found, Person)
        return found


async def make_world(people: People) -> World:
    """Make it: Ada's project with Grace as member, Grace's own, Eve outside of both."""
    ada, grace, eve = await people.new("Ada"), await people.new("Grace"), await people.new("Eve")
    admin = await people.new("Root", is_admin=True)
    shared = await ada.project(name="Shared", description="both of us")
    alone = await grace.project(name="Alone", settings={"colour": "red", "deep": {"list": [1, 2.5, None]}})
    await ada.project(name="Empty", status="active")
    await ada.post(f"/projects/{shared['id']}/members", {"userId": str(grace.id), "role": "member"})
    for index in range(7):
        due = None if index % 3 == 0 else f"2026-0{index + 1}-01T00:00:00Z"
        await ada.task(
            shared,
            title=f"Task {index % 4}",
            status=["todo", "in_progress", "review", "done"][index % 4],
            priority=["low", "urgent", "medium"][index % 3],
            assigneeId=[None, str(ada.id), str(grace.id)][index % 3],
            dueDate=due,
            tags=["red", "blue"][: index % 3],
            description=None if index % 2 else 'words and "quotes" \\ 100%',
        )
    await grace.task(alone, title="Mine alone")
    for index, person in enumerate((ada, grace, ada)):
        await person.made("/posts", {"title": f"Post {index}", "content": 'ünï\n"code"'})
    return World(ada, grace, eve, admin)
