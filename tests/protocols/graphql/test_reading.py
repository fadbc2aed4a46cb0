"""Queries: one round trip whatever their depth, pages that join, no alias in the place of our names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from monynha.app.catalog import CATALOG
from monynha.domains.users.graphql import OWN
from monynha.infra.postgres.database import Acting
from monynha.protocols.graphql.document import Documents
from monynha.protocols.graphql.errors import Refused
from monynha.protocols.graphql.schema import build_schema
from tests.people import People, Person
from tests.protocols.graphql.asking import codes, data, errors, make_world

pytestmark = pytest.mark.anyio

DEEP = """query($p: ID!, $s: [TaskStatus!]) {
  project(id: $p) {
    name owner { name projects { name tasks(limit: 2) { title assignee { name memberships { role } } } } }
    members { role user { name assignedTasksPage(where: {status: $s}) { total nodes { title } nextCursor } } }
  }
  users(limit: 3) { name posts { title author { ownedProjects { name } } } }
  tasksPage(projectId: $p, orderBy: TITLE_ASC) { nodes { title project { owner { name } } } total }
  __schema { queryType { name } }
}"""


@pytest.mark.parametrize(
    "query", ["{ users(limit: 1) { id } }", "{ __typename }", "{ __schema { queryType { name } } }", DEEP]
)
async def test_any_query_is_one_round_trip(ada: Person, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    project = await ada.project()
    asked: list[str] = []
    real = Acting.ask

    async def counted(
        self: Acting, statement: str, binds: Sequence[object], *, is_light: bool
    ) -> bytes | None:
        asked.append(statement)
        return await real(self, statement, binds, is_light=is_light)

    async def never(self: Acting, *_: object) -> None:
        raise AssertionError("a query needs neither a write nor a transaction")

    monkeypatch.setattr(Acting, "ask", counted)
    monkeypatch.setattr(Acting, "tell", never)
    monkeypatch.setattr(Acting, "transaction", never)

    await data(ada, query, p=project["id"], s=["todo", "done"])

    assert 1 == len(asked)


SORTS = ("CREATED_AT", "TITLE", "DUE_DATE", "PRIORITY")
ORDERS = [f"{word}_{way}" for word in SORTS for way in ("ASC", "DESC")]


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_join_to_the_whole_list(people: People, order: str) -> None:
    world = await make_world(people)
    query = """query($o: TaskOrder, $n: Int, $after: String) { projects(where: {q: "shared"}) {
      tasksPage(orderBy: $o, limit: $n, after: $after) { nodes { title id } nextCursor total }
    } }"""
    root = """query($o: TaskOrder, $n: Int, $after: String) {
      tasksPage(orderBy: $o, limit: $n, after: $after) { nodes { title id } nextCursor total }
    }"""

    async def walked(query: str, size: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            told = await data(world.ada, query, o=order, n=size, after=after)
            page = told["tasksPage"] if "tasksPage" in told else told["projects"][0]["tasksPage"]
            assert 7 == page["total"]
            found += page["nodes"]
            after = page["nextCursor"]
            if after is None:
                return found

    whole = await walked(query, 100)
    assert 7 == len({one["id"] for one in whole})
    assert whole == await walked(query, 2) == await walked(root, 3) == await walked(root, 7)


async def test_a_cursor_is_good_for_its_own_list_only(people: People) -> None:
    world = await make_world(people)
    query = "query($o: TaskOrder, $a: String) { tasksPage(orderBy: $o, limit: 1, after: $a) { nextCursor } }"
    cursor = (await data(world.ada, query, o="TITLE_ASC"))["tasksPage"]["nextCursor"]

    other = await errors(world.ada, query, o="TITLE_DESC", a=cursor)
    rest = await world.ada.get(f"/tasks?limit=1&sort=title&cursor={cursor}")

    assert {"cursor": "is not of this list"} == other[0]["extensions"]["details"]
    assert 200 == rest.status_code


@pytest.mark.parametrize(
    "label",
    ["project_1", "project_1_shown", "shown", "mark0", "page", "roots", "some", "v0", "claims", "__x"],
)
async def test_no_alias_takes_the_place_of_a_name_of_ours(ada: Person, label: str) -> None:
    await ada.project(name="Plain")
    query = f"{{ {label}: projectsPage {{ {label}: nodes {{ {label}: name tasks {{ {label}: id }} }} }} }}"

    told = await data(ada, query)

    assert {label: {label: [{label: "Plain", "tasks": []}]}} == told


async def test_a_plan_serves_everybody_with_their_own_values(people: People) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")
    hers, his = await ada.project(name="Hers"), await grace.project(name="His")
    query = """query($id: ID!, $w: ProjectWhere, $n: Int) {
      project(id: $id) { name } projects(where: $w, limit: $n) { name } user(id: "me") { name }
      tasks(where: {assigneeId: ["me"]}) { title }
    }"""
    task = await ada.task(hers, title="For Ada", assigneeId=str(ada.id))

    for person, own, name in ((ada, hers, "Hers"), (grace, his, "His")):
        told = await data(person, query, id=own["id"], w={"q": name.lower()}, n=5)
        foreign = await data(person, query, id=(his if own is hers else hers)["id"], w={"q": "x"}, n=5)

        assert {"name": name} == told["project"]
        assert [{"name": name}] == told["projects"]
        assert {"name": person.name} == told["user"]
        assert ([{"title": task["title"]}] if person is ada else []) == told["tasks"]
        assert (None, []) == (foreign["project"], foreign["projects"])


async def test_fields_with_one_key_are_merged_or_refused(ada: Person) -> None:
    await ada.project(name="One")
    merged = "{ projects { owner { id } ...F owner { ... on User { name } } } } "
    merged += "fragment F on Project { owner { id } }"
    collide = "{ projects { a: name a: status } }"
    other_arguments = "{ projects { tasks(limit: 1) { id } tasks(limit: 2) { id } } }"

    told = await data(ada, merged)

    assert {"projects": [{"owner": {"id": str(ada.id), "name": "Ada"}}]} == told
    assert ["BAD_REQUEST"] == await codes(ada, collide) == await codes(ada, other_arguments)


async def test_what_skips_all_that_is_below_is_empty_but_there(ada: Person) -> None:
    await ada.project()
    query = """query($no: Boolean!) { projectsPage { total @include(if: $no) }
      projects { id @include(if: $no) tasksPage { nodes @include(if: $no) { id } }
        owner { id @include(if: $no) } }
    }"""

    told = await data(ada, query, no=False)
    nothing = await data(ada, "query($no: Boolean!) { projects @include(if: $no) { id } }", no=False)

    assert {"projectsPage": {}, "projects": [{"tasksPage": {}, "owner": {}}]} == told
    assert {} == nothing


async def test_what_must_not_be_null_never_is(people: People) -> None:
    world = await make_world(people)
    query = """{
      users(limit: 100) { memberships { project { name } user { name } } posts { author { name } } }
      projects { owner { name } members { user { name } project { owner { name } } } }
      tasks { project { owner { name } } } posts { author { memberships { project { name } } } }
    }"""

    def nulls(value: Any) -> int:
        if isinstance(value, dict):
            return sum(map(nulls, value.values()))
        return sum(map(nulls, value)) if isinstance(value, list) else value is None

    for person in (world.ada, world.grace, world.eve, world.admin):
        assert 0 == nulls(await data(person, query))


async def test_a_hidden_assignee_is_shown_as_nobody(people: People) -> None:
    ada = await people.new("Ada")
    task = await ada.task(await ada.project())

    told = await data(ada, "query($t: ID!) { task(id: $t) { assigneeId assignee { id } } }", t=task["id"])

    assert {"task": {"assigneeId": None, "assignee": None}} == told


def test_production_says_nothing_of_its_schema() -> None:
    documents = Documents(build_schema(CATALOG, OWN), shows_schema=False)

    documents.read_at_once("{ __typename }")

    for query in (
        "{ __schema { queryType { name } } }",
        '{ __type(name: "User") { name } }',
        "{ user { id } }",
    ):
        with pytest.raises(Refused) as refused:
            documents.read_at_once(query)
        assert "Did you mean" not in str(refused.value.errors)
