"""Selections of queries: pages, cursors, aliases, merged and skipped fields, nulls."""

from __future__ import annotations

from typing import Any

import pytest

from tests.protocols.graphql.requests import create_sample_data, error_codes, fetch_data, fetch_errors
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


SORTS = ("CREATED_AT", "TITLE", "DUE_DATE", "PRIORITY")
ORDERS = [f"{word}_{way}" for word in SORTS for way in ("ASC", "DESC")]


@pytest.mark.parametrize("order", ORDERS)
async def test_pages_add_up_to_the_whole_list(users: UserFactory, order: str) -> None:
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
    assert len({row["id"] for row in whole}) == 7
    assert whole == await collect_pages(query, 2) == await collect_pages(root, 3) == await collect_pages(root, 7)


async def test_cursor_is_valid_for_its_own_list_only(users: UserFactory) -> None:
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
async def test_alias_cannot_collide_with_a_name_in_the_sql(user: ApiUser, label: str) -> None:
    await user.create_project(name="Plain")
    query = f"{{ {label}: projectsPage {{ {label}: nodes {{ {label}: name tasks {{ {label}: id }} }} }} }}"

    data = await fetch_data(user, query)

    assert data == {label: {label: [{label: "Plain", "tasks": []}]}}


async def test_fields_with_the_same_response_key_are_merged_or_rejected(user: ApiUser) -> None:
    await user.create_project(name="One")
    merged = "{ projects { owner { id } ...F owner { ... on User { name } } } } "
    merged += "fragment F on Project { owner { id } }"
    collide = "{ projects { a: name a: status } }"
    other_arguments = "{ projects { tasks(limit: 1) { id } tasks(limit: 2) { id } } }"

    data = await fetch_data(user, merged)

    assert data == {"projects": [{"owner": {"id": str(user.id), "name": "Ada"}}]}
    assert await error_codes(user, collide) == await error_codes(user, other_arguments) == ["BAD_REQUEST"]


async def test_object_with_all_fields_skipped_is_empty(user: ApiUser) -> None:
    await user.create_project()
    query = """query($no: Boolean!) { projectsPage { total @include(if: $no) }
      projects { id @include(if: $no) tasksPage { nodes @include(if: $no) { id } }
        owner { id @include(if: $no) } }
    }"""

    data = await fetch_data(user, query, no=False)
    nothing = await fetch_data(user, "query($no: Boolean!) { projects @include(if: $no) { id } }", no=False)

    assert data == {"projectsPage": {}, "projects": [{"tasksPage": {}, "owner": {}}]}
    assert nothing == {}


async def test_non_null_fields_are_never_null(users: UserFactory) -> None:
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

    for user in (sample_data.ada, sample_data.grace, sample_data.eve, sample_data.admin):
        assert nulls(await fetch_data(user, query)) == 0


async def test_unassigned_task_has_no_assignee(users: UserFactory) -> None:
    ada = await users.create("Ada")
    task = await ada.create_task(await ada.create_project())

    data = await fetch_data(ada, "query($t: ID!) { task(id: $t) { assigneeId assignee { id } } }", t=task["id"])

    assert data == {"task": {"assigneeId": None, "assignee": None}}
