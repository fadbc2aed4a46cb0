"""Schemathesis hooks: fit valid requests to the rows that exist, which no schema can describe.

Schemathesis loads this module, in its own process.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import schemathesis

DOCUMENT = Path(__file__).parents[3] / "docs" / "generated" / "openapi.json"
OWNER = os.environ["MONYNHA_TEST_OWNER"]
OTHER_ACCOUNTS = os.environ["MONYNHA_TEST_STRANGERS"].split(",")
_sequence = count()


def _field_names() -> Iterator[str]:
    """Yield every field that a parameter `fields` lists."""
    document = json.loads(DOCUMENT.read_text())
    for operation in (operation for path in document["paths"].values() for operation in path.values()):
        for parameter in operation["parameters"]:
            if parameter["name"] == "fields":
                yield from parameter["schema"]["anyOf"][0]["enum"]


FIELD_NAMES = frozenset(_field_names())


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Change a generated request so that it refers to existing rows."""
    _protect_owner_account(case)
    _request_whole_rows(case.query or {})
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    _fit_headers(case.headers or {})
    _fit_query(case.query or {})
    body = case.body
    if isinstance(body, dict):
        inner = body.get("data") if len(body) == 1 else body
        _fit_body(inner if isinstance(inner, dict) else body, case.operation.path)


def _protect_owner_account(case: Any) -> None:
    # The account that sends the requests must not be deleted.
    if case.method.upper() == "DELETE" and (case.path_parameters or {}).get("id") in (OWNER, "me"):
        case.path_parameters["id"] = str(uuid4())


def _request_whole_rows(query: Any) -> None:
    # The response to valid `fields` has another schema, which OpenAPI cannot say; test_components.py looks at those.
    fields = query.get("fields")
    if isinstance(fields, str) and FIELD_NAMES.issuperset(fields.split(",")):
        query.pop("fields")


def _fit_headers(headers: Any) -> None:
    for name in list(headers):
        if name.lower() == "if-match":
            # Another version is a 412.
            headers[name] = "*"
        elif name.lower() == "idempotency-key":
            # The same key with another body is a 422.
            headers[name] = f"{headers[name][:200]}{next(_sequence)}"


def _fit_query(query: Any) -> None:
    # A cursor of another filter or order is a 400.
    query.pop("cursor", None)
    if "to" in query:
        # A range that ends before it begins is a 400, and so is one of more than three years.
        query["from"] = query["to"]
    elif "from" in query:
        query.pop("from")
    if "include" in query:
        # More than 50,000 rows are rejected.
        query["limit"] = 1
    if not query.get("assigneeId", True):
        # An example from a task without an assignee.
        query.pop("assigneeId")


def _fit_body(body: dict[str, Any], path: str) -> None:
    if body.get("assigneeId"):
        body["assigneeId"] = OWNER
    if path.endswith("/members"):
        other_account = OTHER_ACCOUNTS[next(_sequence) % len(OTHER_ACCOUNTS)]
        if "userId" in body:
            body["userId"] = other_account.partition(":")[0]
        if "email" in body:
            body["email"] = other_account.partition(":")[2]
