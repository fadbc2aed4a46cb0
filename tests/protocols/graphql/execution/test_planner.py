"""Queries: one round trip whatever their depth, pages that join, no alias in the place of our names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.domains.users.graphql import CUSTOM_MUTATIONS
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.document import DocumentLoader
from monynha.protocols.graphql.schema.builder import build_schema
from tests.protocols.graphql.requests import create_sample_data, error_codes, fetch_data, fetch_errors
from tests.users import ApiUser, UserFactory

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
async def test_any_query_is_one_round_trip(user: ApiUser, monkeypatch: pytest.MonkeyPatch, query: str) -> None:
    project = await user.create_project()
    statements_sent: list[str] = []
    real = ActorConnection.fetch_json

    async def counted(
        self: ActorConnection, statement: str, binds: Sequence[object], *, is_light: bool
    ) -> bytes | None:
        statements_sent.append(statement)
        return await real(self, statement, binds, is_light=is_light)

    async def never(self: ActorConnection, *_: object) -> None:
        raise AssertionError("a query needs neither a write nor a transaction")

    monkeypatch.setattr(ActorConnection, "fetch_json", counted)
    monkeypatch.setattr(ActorConnection, "insert_returning", never)
    monkeypatch.setattr(ActorConnection, "transaction", never)

    await fetch_data(user, query, p=project["id"], s=["todo", "done"])

    assert len(statements_sent) == 1


SORTS = ("CREATED_AT", "TITLE", "DUE_DATE", "PRIORITY")
ORDERS = [f"{word}_{way}" for word in SORTS for way in ("ASC", "DESC")]


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_join_to_the_whole_list(users: UserFactory, order: str) -> None:
    sample_data = await create_sample_data(users)
    query = """query($o: TaskOrder, $n: Int, $after: String) { projects(where: {q: "shared"}) {
      tasksPage(orderBy: $o, limit: $n, after: $after) { nodes { title id } nextCursor total }
    } }"""
    root = """query($o: TaskOrder, $n: Int, $after: String) {
      tasksPage(orderBy: $o, limit: $n, after: $after) { nodes { title id } nextCursor total }
    }"""

    async def collect_pages(query: str, size: int) -> list[dict[str, Any]]:
        nodes: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            data = await fetch_data(sample_data.ada, query, o=order, n=size, after=after)
            page = data["tasksPage"] if "tasksPage" in data else data["projects"][0]["tasksPage"]
            assert page["total"] == 7
            nodes += page["nodes"]
            after = page["nextCursor"]
            if after is None:
                return nodes

    whole = await collect_pages(query, 100)
    assert len({one["id"] for one in whole}) == 7
    assert whole == await collect_pages(query, 2) == await collect_pages(root, 3) == await collect_pages(root, 7)


async def test_a_cursor_is_good_for_its_own_list_only(users: UserFactory) -> None:
    sample_data = await create_sample_data(users)
    query = "query($o: TaskOrder, $a: String) { tasksPage(orderBy: $o, limit: 1, after: $a) { nextCursor } }"
    cursor = (await fetch_data(sample_data.ada, query, o="TITLE_ASC"))["tasksPage"]["nextCursor"]

    other = await fetch_errors(sample_data.ada, query, o="TITLE_DESC", a=cursor)
    rest_response = await sample_data.ada.get(f"/tasks?limit=1&sort=title&cursor={cursor}")

    assert other[0]["extensions"]["details"] == {"cursor": "is not valid for this list"}
    assert rest_response.status_code == 200


@pytest.mark.parametrize(
    "label",
    ["project_1", "project_1_shown", "shown", "mark0", "page", "roots", "some", "v0", "claims", "__x"],
)
async def test_no_alias_takes_the_place_of_a_name_of_ours(user: ApiUser, label: str) -> None:
    await user.create_project(name="Plain")
    query = f"{{ {label}: projectsPage {{ {label}: nodes {{ {label}: name tasks {{ {label}: id }} }} }} }}"

    data = await fetch_data(user, query)

    assert data == {label: {label: [{label: "Plain", "tasks": []}]}}


async def test_a_plan_serves_everybody_with_their_own_values(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    ada_project, grace_project = await ada.create_project(name="Hers"), await grace.create_project(name="His")
    query = """query($id: ID!, $w: ProjectWhere, $n: Int) {
      project(id: $id) { name } projects(where: $w, limit: $n) { name } user(id: "me") { name }
      tasks(where: {assigneeId: ["me"]}) { title }
    }"""
    task = await ada.create_task(ada_project, title="For Ada", assigneeId=str(ada.id))

    for person, own_project, name in ((ada, ada_project, "Hers"), (grace, grace_project, "His")):
        data = await fetch_data(person, query, id=own_project["id"], w={"q": name.lower()}, n=5)
        other_data = await fetch_data(
            person,
            query,
            id=(grace_project if own_project is ada_project else ada_project)["id"],
            w={"q": "x"},
            n=5,
        )

        assert data["project"] == {"name": name}
        assert data["projects"] == [{"name": name}]
        assert data["user"] == {"name": person.name}
        assert ([{"title": task["title"]}] if person is ada else []) == data["tasks"]
        assert (None, []) == (other_data["project"], other_data["projects"])


async def test_fields_with_one_key_are_merged_or_refused(user: ApiUser) -> None:
    await user.create_project(name="One")
    merged = "{ projects { owner { id } ...F owner { ... on User { name } } } } "
    merged += "fragment F on Project { owner { id } }"
    collide = "{ projects { a: name a: status } }"
    other_arguments = "{ projects { tasks(limit: 1) { id } tasks(limit: 2) { id } } }"

    data = await fetch_data(user, merged)

    assert data == {"projects": [{"owner": {"id": str(user.id), "name": "Ada"}}]}
    assert ["BAD_REQUEST"] == await error_codes(user, collide) == await error_codes(user, other_arguments)


async def test_what_skips_all_that_is_below_is_empty_but_there(user: ApiUser) -> None:
    await user.create_project()
    query = """query($no: Boolean!) { projectsPage { total @include(if: $no) }
      projects { id @include(if: $no) tasksPage { nodes @include(if: $no) { id } }
        owner { id @include(if: $no) } }
    }"""

    data = await fetch_data(user, query, no=False)
    nothing = await fetch_data(user, "query($no: Boolean!) { projects @include(if: $no) { id } }", no=False)

    assert data == {"projectsPage": {}, "projects": [{"tasksPage": {}, "owner": {}}]}
    assert nothing == {}


async def test_what_must_not_be_null_never_is(users: UserFactory) -> None:
    sample_data = await create_sample_data(users)
    query = """{
      users(limit: 100) { memberships { project { name } user { name } } posts { author { name } } }
      projects { owner { name } members { user { name } project { owner { name } } } }
      tasks { project { owner { name } } } posts { author { memberships { project { name } } } }
    }"""

    def nulls(value: Any) -> int:
        if isinstance(value, dict):
            return sum(map(nulls, value.values()))
        return sum(map(nulls, value)) if isinstance(value, list) else value is None

    for person in (sample_data.ada, sample_data.grace, sample_data.eve, sample_data.admin):
        assert nulls(await fetch_data(person, query)) == 0


async def test_a_hidden_assignee_is_shown_as_nobody(users: UserFactory) -> None:
    ada = await users.create("Ada")
    task = await ada.create_task(await ada.create_project())

    data = await fetch_data(ada, "query($t: ID!) { task(id: $t) { assigneeId assignee { id } } }", t=task["id"])

    assert data == {"task": {"assigneeId": None, "assignee": None}}


def test_production_says_nothing_of_its_schema() -> None:
    documents = DocumentLoader(build_schema(CATALOG, CUSTOM_MUTATIONS), allows_introspection=False)

    documents.parse("{ __typename }")

    for query in (
        "{ __schema { queryType { name } } }",
        '{ __type(name: "User") { name } }',
        "{ user { id } }",
    ):
        with pytest.raises(RequestError) as error_info:
            documents.parse(query)
        assert "Did you mean" not in str(error_info.value.errors)
