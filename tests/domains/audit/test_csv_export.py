"""The audit log as CSV: all rows, in pages, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.domains.audit import record_audit_event
from monynha.domains.audit.csv_export import CsvExport, csv_cell, csv_lines
from monynha.infra.postgres.database import Database
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "text",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "\uff1d1", '=HYPERLINK("https://x.example")', "|x"],
)
def test_a_formula_becomes_text(text: str) -> None:
    cell = csv_cell(text)

    assert cell == (text if text == "|x" else f"'{text}")


@pytest.mark.parametrize(
    ("value", "cell"), [(None, ""), ("plain", "plain"), ({}, ""), ({"a": "=1"}, '{"a":"=1"}'), (-1, "'-1"), (7, "7")]
)
def test_other_values_are_written_as_they_are(value: object, cell: str) -> None:
    assert csv_cell(value) == cell


def test_quotes_and_line_breaks_stay_within_their_cell() -> None:
    row = ['a "quoted" word', "two\r\nlines", "comma, comma"]

    lines = csv_lines([row]).decode()

    assert lines == '"a ""quoted"" word","two\r\nlines","comma, comma"\r\n'
    assert next(csv.reader(io.StringIO(lines, newline=""))) == row


async def test_every_page_is_exported_once_and_in_order(database: Database, admin: ApiUser) -> None:
    marker = str(uuid4())
    for number in range(7):
        async with database.as_actor(system_actor("test")).transaction() as transaction:
            await record_audit_event(transaction, f"test.number_{number}", target_type="test", target_id=marker)

    response = await admin.get(f"/admin/audit?format=csv&targetId={marker}&limit=1&fields=action,targetId")
    small_pages = await export_in_pages_of(2, database, admin, marker)

    rows = list(csv.reader(io.StringIO(response.text, newline="")))
    assert rows == [["action", "targetId"], *([f"test.number_{number}", marker] for number in reversed(range(7)))]
    assert small_pages == response.content
    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"] == 'attachment; filename="audit.csv"'


async def export_in_pages_of(size: int, database: Database, admin: ApiUser, marker: str) -> bytes:
    """Return the export of the test's rows, read so many rows at a time."""
    from monynha.app.catalog import CATALOG
    from monynha.domains.audit import audit
    from monynha.engine.query.compiler import Compiler
    from monynha.engine.query.queries import Queries
    from monynha.protocols.rest.query_params import QueryParamParser

    params = {"targetId": marker, "fields": "action,targetId"}
    selection = QueryParamParser(CATALOG).parse_list(audit, params, admin.actor)
    chunks = await CsvExport(Queries(Compiler()), size).open(database.as_actor(admin.actor), selection)
    return b"".join([chunk async for chunk in chunks])


async def test_the_list_is_filtered_alike_in_both_formats(database: Database, admin: ApiUser) -> None:
    marker, before = str(uuid4()), datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    for action in ("sign_in.failed", "session.created"):
        async with database.as_actor(system_actor("test")).transaction() as transaction:
            await record_audit_event(transaction, action, actor_id=admin.id, target_id=marker)
    filters = {
        f"actorId={admin.id}&action=session.created&targetId={marker}": 1,
        f"actorId=me&targetId={marker}&since={before}": 2,
        f"targetId={marker}&until={before}": 0,
        f"targetId={marker}&ip=192.0.2.1": 0,
        f"targetId={marker}&actorRole=authenticated": 2,
        f"targetId={marker}&actorRole=service_role": 0,
    }

    as_json = {query: len((await admin.get(f"/admin/audit?{query}")).json()["data"]) for query in filters}
    as_csv = {
        query: (await admin.get(f"/admin/audit?{query}", headers={"accept": "text/csv"})).text.count("\r\n") - 1
        for query in filters
    }

    assert as_json == as_csv == filters


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/csv", "text/csv; charset=utf-8"),
        ("text/csv;q=0.9, */*;q=0.1", "text/csv; charset=utf-8"),
        ("text/csv;q=0, */*", "application/json"),
        ("application/json, text/csv", "application/json"),
        ("*/*", "application/json"),
        (None, "application/json"),
    ],
)
async def test_the_format_is_negotiated(admin: ApiUser, accept: str | None, expected: str) -> None:
    response = await admin.get("/admin/audit?limit=1", headers={"accept": accept} if accept else {})

    assert response.headers["content-type"] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=xml", "format"),
        ("format=csv&nonsense=1", "nonsense"),
        ("format=csv&since=yesterday", "since"),
        ("format=csv&cursor=x", "cursor"),
        ("actorId=nobody", "actorId"),
    ],
)
async def test_a_wrong_parameter_is_named(admin: ApiUser, query: str, field: str) -> None:
    response = await admin.get(f"/admin/audit?{query}")

    assert response.status_code == 400
    assert list(response.json()["error"]["details"]) == [field]
