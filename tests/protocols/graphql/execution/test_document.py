"""Documents are parsed, validated and cached; long ones behave as short ones do."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.app.composition.graphql import full_schema
from monynha.domains.users.graphql import CUSTOM_MUTATIONS
from monynha.protocols.graphql import limits
from monynha.protocols.graphql.errors import RequestError
from monynha.protocols.graphql.execution.document import (
    MAX_LONG_DOCUMENTS,
    SHORT_DOCUMENT_CHARS,
    DocumentLoader,
)
from monynha.protocols.graphql.schema.builder import build_schema
from tests.protocols.graphql.large_documents import LARGE_DOCUMENTS, in_project, repeat
from tests.protocols.graphql.requests import execute, fetch_data
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_large_documents_are_executed(user: ApiUser) -> None:
    project = (await user.create_project())["id"]
    wide = await fetch_data(user, LARGE_DOCUMENTS["a hundred lists side by side"].text)
    with_conditions = LARGE_DOCUMENTS["many switches"]
    included = await fetch_data(user, with_conditions.text, **{**with_conditions.variables, "s1": False})
    created = await fetch_data(user, LARGE_DOCUMENTS["twenty changes"].with_new_text(0, project).text)

    assert wide == {"projects": [{f"a{n}": [] for n in range(100)}]}
    assert list(included["projects"][0]) == [f"a{n}" for n in range(38) if n != 1]
    assert {task["title"] for task in created.values()} == {"t"}


async def test_long_document_reports_the_same_errors_as_a_short_one(user: ApiUser) -> None:
    wrong = "query ($v: Int) { users(limt: 1) { nam id @no } }"

    small, large = [
        (await execute(user, f"{wrong} #{'x' * length}")).json()["errors"] for length in (1, SHORT_DOCUMENT_CHARS)
    ]

    assert len(small) == 4
    assert sorted(error["message"] for error in small) == sorted(error["message"] for error in large)


async def test_concurrent_requests_parse_a_document_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: Counter[str] = Counter()
    check_document = limits.check_document

    def counted(document: object) -> None:
        calls["documents"] += 1
        check_document(document)  # type: ignore[arg-type]  # as it comes

    monkeypatch.setattr("monynha.protocols.graphql.execution.document.check_document", counted)
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    text = in_project(repeat("a#: tasks { id }", 60))

    documents_loaded = await asyncio.gather(*(documents.load(text) for _ in range(5)))
    again = await documents.load(text)

    assert calls["documents"] == 1
    assert {id(document) for document in documents_loaded} == {id(again)}


async def test_cancelled_request_does_not_cancel_the_parsing_for_others() -> None:
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    text = in_project(repeat("a#: tasks { id }", 60))
    left = asyncio.create_task(documents.load(text))
    stays = asyncio.create_task(documents.load(text))
    await asyncio.sleep(0)
    left.cancel()

    assert set((await stays).operations) == {""}
    with pytest.raises(asyncio.CancelledError):
        await left


async def test_cache_holds_few_long_documents() -> None:
    documents = DocumentLoader(full_schema(), allows_introspection=True)
    plain, padding = "{ users { id } }", "x" * SHORT_DOCUMENT_CHARS
    texts = [f"{plain} #{number} {padding}" for number in range(MAX_LONG_DOCUMENTS + 1)]
    first, *_, last = [await documents.load(text) for text in texts]

    assert last is await documents.load(texts[-1])
    assert first is not await documents.load(texts[0])


def test_production_reveals_nothing_about_the_schema() -> None:
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
