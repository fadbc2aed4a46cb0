"""A document over a limit is rejected before it is executed, quickly, with the limit and its cost."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from monynha.app.catalog import CATALOG
from monynha.app.composition.application import build
from monynha.app.composition.graphql import full_schema
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.users.graphql import CUSTOM_MUTATIONS
from monynha.infra.embedded import ServerUrls
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.document import (
    DocumentLoader,
)
from monynha.protocols.graphql.schema.builder import build_schema
from tests.protocols.graphql.large_documents import LARGE_DOCUMENTS
from tests.protocols.graphql.requests import GRAPHQL, error_codes, execute, fetch_data, fetch_errors
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

OVERSIZED_DOCUMENTS = {
    "10,000 aliases": "{" + " ".join(f"a{n}: __typename" for n in range(10_000)) + "}",
    "10,000 short aliases": "{" + " ".join(f"a{n}:me" for n in range(6_000)) + "}",
    "depth 1,000": "{a" * 1_000 + "}" * 1_000,
    "a list 30,000 deep": "{users(limit:" + "[" * 30_000 + "]" * 30_000 + "){id}}",
    "1 MB": "{ users { id } } # " + "x" * 990_000,
    "1 MB of names": "{" + "id " * 330_000 + "}",
    "one field 600 times": "{users{" + "id " * 600 + "}}",
    "fields in pairs": "{" + "users{id} " * 60 + "}",
    "fragments that double": "{...f0}"
    + "".join(f"fragment f{n} on Query {{...f{n + 1} ...f{n + 1}}}" for n in range(30)),
    "fragments in rings": "{...f0}"
    + "".join(f"fragment f{n} on Query {{{' '.join(f'...f{m}' for m in range(12))}}}" for n in range(12)),
    "fragments in a chain": "{...f0}"
    + "".join(f"fragment f{n} on Query {{...f{n + 1}}}" for n in range(280))
    + "fragment f280 on Query {__typename}",
    "variables": "query(" + " ".join(f"$v{n}: Int" for n in range(900)) + "){__typename}",
    "directives": "{__typename " + "@include(if: true) " * 300 + "}",
    "quotes": '{users(after: "' + "\\" * 30_001 + '"){id}}',
    "block strings": '{users(after: """' + '\\"""' * 15_000 + "){id}}",
}


@pytest.mark.parametrize("name", OVERSIZED_DOCUMENTS)
def test_oversized_document_is_rejected_within_50_ms(name: str) -> None:
    documents = DocumentLoader(build_schema(CATALOG, CUSTOM_MUTATIONS), allows_introspection=True)
    taken_s = []

    for _ in range(3):
        began = time.process_time()
        with pytest.raises(RequestError):
            documents.parse(OVERSIZED_DOCUMENTS[name])
        taken_s.append(time.process_time() - began)

    assert min(taken_s) < 0.05, statistics.median(taken_s)


async def test_oversized_document_over_http_is_a_client_error(user: ApiUser) -> None:
    for query in OVERSIZED_DOCUMENTS.values():
        response = await execute(user, query, headers={"accept": GRAPHQL})

        assert response.status_code in (400, 413), response.text
        assert response.json()["errors"]


@pytest.mark.parametrize(
    ("query", "unit", "limit", "cost"),
    [
        ("{" + " ".join(f"a{n}: __typename" for n in range(101)) + "}", "aliases", 100, 101),
        (
            "{user(id: 1) {" + "posts {author {" * 10 + "id" + "}}" * 10 + "}}",
            "levels of fields",
            20,
            22,
        ),
        ("{" + " ".join(f"a{n}: user(id: 1) {{id}}" for n in range(21)) + "}", "root fields", 20, 21),
        ("{" + " ".join(["__typename"] * 52) + "}", "repetitions of a field", 50, 51),
        ("{" + f"{'a' * 64}: __typename" + "}", "characters in an alias", 63, 64),
        ("{users(limit: 100) {posts(limit: 100) {author {posts(limit: 5) {id}}}}}", "rows", 50_000, 70_100),
    ],
)
async def test_error_states_the_limit_and_the_cost(user: ApiUser, query: str, unit: str, limit: int, cost: int) -> None:
    errors_received = await fetch_errors(user, query)

    assert [error["extensions"]["code"] for error in errors_received] == ["BAD_REQUEST"]
    assert errors_received[0]["extensions"]["details"] == {"limit": limit, "cost": cost, "of": unit}
    assert str(limit) in errors_received[0]["message"]
    assert str(cost) in errors_received[0]["message"]


async def test_document_at_a_limit_is_executed(user: ApiUser) -> None:
    aliases = await fetch_data(user, "{" + " ".join(f"a{n}: __typename" for n in range(20)) + "}")
    long = await fetch_data(user, "{" + f"{'a' * 63}: __typename" + "}")
    repeats = await fetch_data(user, "{" + " ".join(["__typename"] * 51) + "}")

    assert aliases == {f"a{n}": "Query" for n in range(20)}
    assert long == {"a" * 63: "Query"}
    assert repeats == {"__typename": "Query"}


@pytest.mark.parametrize(
    ("arguments", "details"),
    [
        ("limit: 101", {"limit": "must be a whole number from 1 to 100"}),
        ("limit: 0", {"limit": "must be a whole number from 1 to 100"}),
        ("limit: -1", {"limit": "must be a whole number from 1 to 100"}),
        ("offset: -1", {"offset": "must be a whole number from 0 to 50000; use after beyond it"}),
        ('after: "x"', {"cursor": "is not valid for this list"}),
        ('where: {q: "\\u0000"}', {"q": "must not contain a NUL"}),
        (
            'where: {dueBefore: "tomorrow"}',
            {"dueBefore": "must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z"},
        ),
    ],
)
async def test_argument_out_of_range_is_reported_with_its_path(
    user: ApiUser, arguments: str, details: dict[str, Any]
) -> None:
    nested_errors = await fetch_errors(user, f"{{ projects {{ mine: tasks({arguments}) {{ id }} }} }}")
    root_errors = await fetch_errors(user, f"{{ tasks({arguments}) {{ id }} }}")

    assert [nested_errors[0]["path"], root_errors[0]["path"]] == [["projects", "mine"], ["tasks"]]
    assert details == nested_errors[0]["extensions"]["details"] == root_errors[0]["extensions"]["details"]
    assert nested_errors[0]["extensions"]["code"] == "BAD_REQUEST"


async def test_costly_query_counts_as_several_requests(
    settings: Settings, running_servers: ServerUrls, users: UserFactory
) -> None:
    ada = await users.create("Ada")
    strict = replace(settings, limit_api=Limit(50, 900))
    program = await build(strict, running_servers)
    cheap, costly = "{ users(limit: 100) { id } }", "{ users(limit: 100) { posts(limit: 100) { id } } }"

    async def left(body: object) -> tuple[int, int]:
        transport = httpx.ASGITransport(app=program.http)
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            headers = {"authorization": f"Bearer {ada.token}"}
            response = await client.post("/graphql", json=body, headers=headers)
            return response.status_code, int(response.headers["ratelimit-remaining"])

    first_responses = [
        await left(body) for body in ({"query": cheap}, {"query": costly}, {"query": cheap}, [{"query": cheap}] * 9)
    ]
    later_responses = [await left({"query": costly}) for _ in range(4)]
    await program.close()

    # 10,100 rows count as ten requests in addition to the request itself.
    assert first_responses == [(200, 49), (200, 48), (200, 37), (200, 28)]
    assert later_responses == [(200, 27), (200, 16), (200, 5), (429, 0)]


@pytest.mark.parametrize(
    ("document", "variables"),
    [
        ("query ($w: TaskWhere) { tasks(where: $w) { id } }", {"w": {"assigneeId": ["me"] * 2_001}}),
        ("query ($w: TaskWhere) { tasks(where: $w) { id } }", {"w": dict.fromkeys(map(str, range(2_001)))}),
        (
            "query ($a: [String!], $b: [String!]) { a: tasks(where: {tag: $a}) { id } tasks(where: {tag: $b}) { id } }",
            {"a": ["x"] * 1_001, "b": ["x"] * 1_000},
        ),
    ],
)
async def test_too_many_variable_values_are_rejected(
    user: ApiUser, document: str, variables: dict[str, object]
) -> None:
    (error,) = (await execute(user, document, variables)).json()["errors"]

    details = {"limit": 2_000, "cost": 2_001, "of": "values in variables"}
    assert (error["extensions"]["code"], error["extensions"]["details"]) == ("BAD_REQUEST", details)


async def test_json_input_counts_as_one_value(user: ApiUser) -> None:
    project = (await user.create_project())["id"]
    changed = await fetch_data(
        user,
        "mutation ($id: ID!, $input: UpdateProjectInput!) { updateProject(id: $id, input: $input) { settings } }",
        id=project,
        input={"settings": {"list": [1] * 10_000}},
    )

    assert changed == {"updateProject": {"settings": {"list": [1] * 10_000}}}


async def test_document_can_introspect_the_schema_once(user: ApiUser) -> None:
    once = "{ __schema { types { name fields { name } } } }"
    aliased = "{ __schema { a: types { name } b: types { name } } }"
    in_fragments = (
        "{ a: __schema { ...f } ...g } fragment g on Query { b: __schema { ...f } } "
        "fragment f on __Schema { types { name } }"
    )

    assert await error_codes(user, once) == []
    assert await error_codes(user, aliased) == await error_codes(user, in_fragments) == ["BAD_REQUEST"]


def test_large_documents_stay_within_the_limits() -> None:
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    messages = {}
    for name, large in LARGE_DOCUMENTS.items():
        try:
            documents.parse(large.text)
        except RequestError as error:
            messages[name] = error.errors[0]["message"]

    assert list(messages) == ["names nearly right"], messages
