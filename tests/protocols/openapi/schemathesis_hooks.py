"""What only the rows decide and no schema can say, told to schemathesis before it sends valid data.

It is loaded by schemathesis itself, in a process of its own.
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
    """Put into a request what makes it fit the rows there are."""
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
    # Whoever asks must not end their own account half-way.
    if case.method.upper() == "DELETE" and (case.path_parameters or {}).get("id") in (OWNER, "me"):
        case.path_parameters["id"] = str(uuid4())


def _fit_headers(headers: Any) -> None:
    for name in list(headers):
        if name.lower() == "if-match":
            # Another version is refused with 412.
            headers[name] = "*"
        elif name.lower() == "idempotency-key":
            # The same key with another body is refused with 422.
            headers[name] = f"{headers[name][:200]}{next(_sequence)}"


def _fit_query(query: Any) -> None:
    # Of another filter or order it is refused with 400.
    query.pop("cursor", None)
    if "include" in query:
        # More rows than 50,000 are refused.
        query["limit"] = 1
    if not query.get("assigneeId", True):
        # It is taken from a task that nobody does.
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
