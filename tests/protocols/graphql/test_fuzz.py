"""Whatever is sent, the answer is GraphQL's and never a failure of ours."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monynha.app.catalog import CATALOG
from monynha.domains.users.graphql import OWN
from monynha.protocols.graphql.schema import build_schema
from tests.people import Person
from tests.protocols.graphql.documents import documents

pytestmark = pytest.mark.anyio

SCHEMA = build_schema(CATALOG, OWN)
NAMES = sorted({name for kind in SCHEMA.type_map.values() for name in getattr(kind, "fields", {})})
SIGNS = [
    *"{}()[]:!=|&@$#,",
    '"',
    '"""',
    '"text"',
    "1",
    "-1.5e3",
    "9" * 40,
    "\\u0000",
    "\x00",
    "ünï",
    "😀",
    "...",
]
KEYWORDS = ["query", "mutation", "subscription", "fragment", "on", "true", "null", "F", "$v", "@skip"]
WORDS = st.sampled_from([*NAMES, *KEYWORDS, *SIGNS])
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
QUIET = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
CREATE = "mutation($input: CreateTaskInput!, $p: ID!) { createTask(projectId: $p, input: $input) { id } }"
WHERE = """query($w: TaskWhere, $a: String, $o: Int, $n: Int) {
  tasks(where: $w, after: $a, offset: $o, limit: $n) { id }
}"""


async def sent(person: Person, body: Any) -> None:
    """Send a body; the answer must be one of GraphQL's."""
    answer = await person.client.post(
        "/graphql", json=body, headers={"authorization": f"Bearer {person.token}"}
    )
    assert answer.status_code in (200, 400), (body, answer.text)
    told = answer.json()
    assert told.keys() <= {"data", "errors"}, (body, told)
    assert "INTERNAL_ERROR" not in answer.text, (body, told)


@given(st.lists(WORDS, max_size=40).map(" ".join))
@QUIET
async def test_words_in_any_order_are_refused_politely(ada: Person, text: str) -> None:
    await sent(ada, {"query": text})


@given(documents(SCHEMA), st.integers(0, 10_000), JSON)
@QUIET
async def test_a_broken_document_is_refused_politely(
    ada: Person, drawn: tuple[str, dict[str, Any]], place: int, value: Any
) -> None:
    text, variables = drawn
    cut = place % (len(text) + 1)

    await sent(ada, {"query": text[:cut] + text[cut + place % 7 :], "variables": variables})
    await sent(ada, {"query": text, "variables": dict.fromkeys(variables, value)})


@given(JSON, JSON)
@QUIET
async def test_any_variables_are_answered(ada: Person, first: Any, second: Any) -> None:
    await sent(ada, {"query": CREATE, "variables": {"input": first, "p": second}})
    await sent(ada, {"query": CREATE, "variables": {"input": {"title": first, "tags": second}, "p": "x"}})
    await sent(ada, {"query": WHERE, "variables": {"w": first, "a": second}})
    await sent(ada, {"query": WHERE, "variables": {"w": {"q": first, "status": second, "dueBefore": first}}})
    await sent(ada, {"query": WHERE, "variables": {"o": first, "n": second, "a": "W10"}})


@given(JSON)
@QUIET
async def test_any_body_is_answered(ada: Person, body: Any) -> None:
    answer = await ada.client.post(
        "/graphql", content=orjson.dumps(body), headers={"content-type": "application/json"}
    )

    assert answer.status_code in (200, 400), (body, answer.text)
