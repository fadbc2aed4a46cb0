"""Schemathesis hooks: fit valid requests to the rows that exist, which no schema can describe.

Schemathesis loads this module, in its own process.
"""

from __future__ import annotations

import os
from itertools import count
from typing import Any
from uuid import uuid4

import schemathesis

OWNER = os.environ["MONYNHA_TEST_OWNER"]
OTHER_ACCOUNTS = os.environ["MONYNHA_TEST_STRANGERS"].split(",")
_sequence = count()


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Change a generated request so that it refers to existing rows."""
    _protect_owner_account(case)
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
    # Its response has another schema, which OpenAPI cannot say; test_components.py looks at those.
    query.pop("fields", None)
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
