"""What costs too much is refused before anything of it is executed, quickly, and says by how much."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from typing import Any

import httpx
import pytest

from monynha.app.asgi import build
from monynha.app.catalog import CATALOG
from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.domains.users.graphql import OWN
from monynha.infra.embedded import Servers
from monynha.protocols.graphql.document import Documents
from monynha.protocols.graphql.errors import Refused
from monynha.protocols.graphql.schema import build_schema
from tests.people import People, Person
from tests.protocols.graphql.asking import GRAPHQL, ask, data, errors

pytestmark = pytest.mark.anyio

BOMBS = {
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


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_in_less_than_50_ms(name: str) -> None:
    documents = Documents(build_schema(CATALOG, OWN), shows_schema=True)
    taken_s = []

    for _ in range(3):
        began = time.process_time()
        with pytest.raises(Refused):
            documents.read_at_once(BOMBS[name])
        taken_s.append(time.process_time() - began)

    assert 0.05 > min(taken_s), statistics.median(taken_s)


async def test_a_bomb_over_http_is_an_error_and_no_more(ada: Person) -> None:
    for query in BOMBS.values():
        answer = await ask(ada, query, headers={"accept": GRAPHQL})

        assert answer.status_code in (400, 413), answer.text
        assert answer.json()["errors"]


@pytest.mark.parametrize(
    ("query", "of", "limit", "cost"),
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
async def test_a_refusal_says_the_limit_and_the_cost(
    ada: Person, query: str, of: str, limit: int, cost: int
) -> None:
    found = await errors(ada, query)

    assert ["BAD_REQUEST"] == [error["extensions"]["code"] for error in found]
    assert {"limit": limit, "cost": cost, "of": of} == found[0]["extensions"]["details"]
    assert str(limit) in found[0]["message"]
    assert str(cost) in found[0]["message"]


async def test_what_is_at_a_limit_is_answered(ada: Person) -> None:
    aliases = await data(ada, "{" + " ".join(f"a{n}: __typename" for n in range(20)) + "}")
    long = await data(ada, "{" + f"{'a' * 63}: __typename" + "}")
    repeats = await data(ada, "{" + " ".join(["__typename"] * 51) + "}")

    assert {f"a{n}": "Query" for n in range(20)} == aliases
    assert {"a" * 63: "Query"} == long
    assert {"__typename": "Query"} == repeats


@pytest.mark.parametrize(
    ("arguments", "details"),
    [
        ("limit: 101", {"limit": "must be a whole number from 1 to 100"}),
        ("limit: 0", {"limit": "must be a whole number from 1 to 100"}),
        ("limit: -1", {"limit": "must be a whole number from 1 to 100"}),
        ("offset: -1", {"offset": "must be a whole number from 0 to 50000; beyond it, go on with after"}),
        ('after: "x"', {"cursor": "is not of this list"}),
        ('where: {q: "\\u0000"}', {"q": "must not hold a NUL"}),
        (
            'where: {dueBefore: "tomorrow"}',
            {"dueBefore": "must be an RFC 3339 time with an offset, as 2026-01-31T09:00:00Z"},
        ),
    ],
)
async def test_an_argument_out_of_range_is_told_with_its_path(
    ada: Person, arguments: str, details: dict[str, Any]
) -> None:
    below = await errors(ada, f"{{ projects {{ mine: tasks({arguments}) {{ id }} }} }}")
    above = await errors(ada, f"{{ tasks({arguments}) {{ id }} }}")

    assert [["projects", "mine"], ["tasks"]] == [below[0]["path"], above[0]["path"]]
    assert details == below[0]["extensions"]["details"] == above[0]["extensions"]["details"]
    assert "BAD_REQUEST" == below[0]["extensions"]["code"]


async def test_a_costly_query_counts_as_many_requests(
    settings: Settings, running_servers: Servers, people: People
) -> None:
    ada = await people.new("Ada")
    strict = replace(settings, limit_api=Limit(50, 900))
    program = await build(strict, running_servers)
    cheap, costly = "{ users(limit: 100) { id } }", "{ users(limit: 100) { posts(limit: 100) { id } } }"

    async def left(body: object) -> tuple[int, int]:
        transport = httpx.ASGITransport(app=program)
        async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
            headers = {"authorization": f"Bearer {ada.token}"}
            answer = await client.post("/graphql", json=body, headers=headers)
            return answer.status_code, int(answer.headers["ratelimit-remaining"])

    told = [
        await left(one)
        for one in ({"query": cheap}, {"query": costly}, {"query": cheap}, [{"query": cheap}] * 9)
    ]
    again = [await left({"query": costly}) for _ in range(4)]
    await program.close()

    # 10,100 rows count as ten requests beside the one that asks for them.
    assert [(200, 49), (200, 48), (200, 37), (200, 28)] == told
    assert [(200, 27), (200, 16), (200, 5), (429, 0)] == again
