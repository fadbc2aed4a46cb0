"""Any request gets a GraphQL response, and never an internal error."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monynha.app.composition.catalog import CATALOG
from monynha.domains.users.graphql import CUSTOM_MUTATIONS
from monynha.protocols.graphql.schema.builder import build_schema
from tests.protocols.graphql.document_strategies import documents
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

SCHEMA = build_schema(CATALOG, CUSTOM_MUTATIONS)
NAMES = sorted({name for kind in SCHEMA.type_map.values() for name in getattr(kind, "fields", {})})
PUNCTUATORS = [
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
TOKENS = st.sampled_from([*NAMES, *KEYWORDS, *PUNCTUATORS])
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


async def assert_graphql_response(user: ApiUser, body: Any) -> None:
    """Send a body and check that the response is GraphQL's."""
    response = await user.client.post("/graphql", json=body, headers={"authorization": f"Bearer {user.token}"})
    assert response.status_code in (200, 400), (body, response.text)
    body_received = response.json()
    assert body_received.keys() <= {"data", "errors"}, (body, body_received)
    assert "INTERNAL_ERROR" not in response.text, (body, body_received)


@given(st.lists(TOKENS, max_size=40).map(" ".join))
@QUIET
async def test_random_tokens_get_a_graphql_response(user: ApiUser, text: str) -> None:
    await assert_graphql_response(user, {"query": text})


@given(documents(SCHEMA), st.integers(0, 10_000), JSON)
@QUIET
async def test_broken_document_gets_a_graphql_response(
    user: ApiUser, drawn: tuple[str, dict[str, Any]], seed: int, value: Any
) -> None:
    text, variables = drawn
    cut = seed % (len(text) + 1)

    await assert_graphql_response(user, {"query": text[:cut] + text[cut + seed % 7 :], "variables": variables})
    await assert_graphql_response(user, {"query": text, "variables": dict.fromkeys(variables, value)})


@given(JSON, JSON)
@QUIET
async def test_random_variables_get_a_graphql_response(user: ApiUser, first: Any, second: Any) -> None:
    await assert_graphql_response(user, {"query": CREATE, "variables": {"input": first, "p": second}})
    await assert_graphql_response(
        user, {"query": CREATE, "variables": {"input": {"title": first, "tags": second}, "p": "x"}}
    )
    await assert_graphql_response(user, {"query": WHERE, "variables": {"w": first, "a": second}})
    await assert_graphql_response(
        user, {"query": WHERE, "variables": {"w": {"q": first, "status": second, "dueBefore": first}}}
    )
    await assert_graphql_response(user, {"query": WHERE, "variables": {"o": first, "n": second, "a": "W10"}})


@given(JSON)
@QUIET
async def test_random_body_gets_a_response(user: ApiUser, body: Any) -> None:
    response = await user.client.post(
        "/graphql", content=orjson.dumps(body), headers={"content-type": "application/json"}
    )

    assert response.status_code in (200, 400), (body, response.text)
