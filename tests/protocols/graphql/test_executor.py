"""Any query has the result that graphql-core's own executor has over the same rows."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from graphql import GraphQLSchema, parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monynha.app.catalog import CATALOG
from monynha.app.composition.application import Application
from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.users.graphql import CUSTOM_MUTATIONS
from monynha.engine.schema.catalog import Catalog
from monynha.protocols.graphql.schema.builder import build_schema
from tests.protocols.graphql.document_strategies import documents, with_ids
from tests.protocols.graphql.reference_executor import ReferenceExecutor, Row, fetch_visible_rows
from tests.protocols.graphql.requests import SampleData, create_sample_data, execute
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

CURSOR = re.compile(r"[A-Za-z0-9_-]{64,}")
# The nouns that the reference keeps in plain Python; the program answers more.
NOUNS = ("users", "posts", "projects", "members", "tasks")
SCHEMA: GraphQLSchema = build_schema(
    Catalog.from_resources(CATALOG.resources[noun] for noun in NOUNS), CUSTOM_MUTATIONS
)
ACTORS = ["ada", "grace", "eve", "admin"]


@pytest.fixture(scope="module")
async def sample_data(program: Application, settings: Settings) -> AsyncIterator[SampleData]:
    """Create the data that all examples query."""
    tokens = AccessTokens(settings.jwt_secret, issuer=f"{settings.site_url}/auth/v1", ttl_s=3600)
    transport = httpx.ASGITransport(app=program.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield await create_sample_data(UserFactory(program.database, tokens, client))


@pytest.fixture(scope="module")
async def references(sample_data: SampleData) -> dict[str, ReferenceExecutor]:
    """Return a reference executor for each user."""
    return {
        name: ReferenceExecutor(
            SCHEMA, sample_data.user_named(name), await fetch_visible_rows(sample_data.user_named(name))
        )
        for name in ACTORS
    }


def is_valid(drawn: tuple[str, dict[str, Any]]) -> bool:
    """Whether a generated document is valid; its aliases may collide."""
    return not validate(SCHEMA, parse(drawn[0]))


# Of a failure it shows the world too, which is long.
@pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")
@given(documents(SCHEMA).filter(is_valid), st.sampled_from(ACTORS))
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
async def test_random_document_has_the_result_of_graphql_core(
    sample_data: SampleData,
    references: dict[str, ReferenceExecutor],
    drawn: tuple[str, dict[str, Any]],
    name: str,
) -> None:
    ids = ids_of(sample_data, references["admin"].rows)
    text, variables = with_ids(drawn[0], ids), with_ids(drawn[1], ids)
    expected = references[name].execute(text, dict(variables))

    response = await execute(sample_data.user_named(name), text, variables)

    assert response.status_code == 200, response.text
    body = response.json()
    assert "errors" not in body, (text, variables, body)
    assert as_text(without_cursors(body["data"])) == as_text(expected), (name, text, variables)


def ids_of(sample_data: SampleData, rows: Mapping[str, list[Row]]) -> dict[str, list[str]]:
    """Return the ids for a document's placeholders, one of which does not exist."""
    names = {row["name"]: row["id"] for row in rows["Project"]}
    none = "00000000-0000-4000-8000-000000000000"
    return {
        "user": [str(sample_data.ada.id), str(sample_data.grace.id).upper(), str(sample_data.eve.id)],
        "project": [names["Shared"], names["Alone"], none],
        "task": [rows["Task"][0]["id"], rows["Task"][1]["id"], "no id"],
        "post": [rows["Post"][0]["id"], rows["Post"][1]["id"], none],
    }


def without_cursors(value: Any) -> Any:
    """Return a result with `more` in the place of each cursor, which is opaque and long."""
    if isinstance(value, list):
        return [without_cursors(item) for item in value]
    if isinstance(value, dict):
        return {key: without_cursors(member) for key, member in value.items()}
    return "more" if isinstance(value, str) and CURSOR.fullmatch(value) else value


def as_text(value: Any) -> str:
    """Return a result as text, so that the order of its keys is compared too."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {as_text(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(as_text(item) for item in value) + "]"
    return repr(value)
