"""Whatever refuses a request before its handler is through, the document tells of it at that address."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.app.docs.openapi import openapi_document
from monynha.core.errors import AppError
from monynha.protocols.http import rate_limits, request
from monynha.protocols.http.request import BODY_LIMIT_BYTES
from monynha.protocols.http.server import connection
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

DOCUMENT: Any = openapi_document()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


def error_statuses_of(module: ModuleType) -> set[str]:
    """Return the statuses of the faults that a module can raise."""
    error_classes = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, AppError)]
    return {str(one.status) for one in error_classes}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_common_errors_are_documented_for_every_operation(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    common_statuses = error_statuses_of(connection) | error_statuses_of(rate_limits)

    assert {"408", "431", "429"} <= common_statuses <= set(operation["responses"])
    assert "requestBody" not in operation or error_statuses_of(request) <= set(operation["responses"])
    assert "405" not in operation["responses"]


MANY_HEADERS = [("x-more", "x")] * 101
JSON = {"content-type": "application/json"}
FAULTY_REQUESTS: dict[str, tuple[int, dict[str, Any]]] = {
    "more headers than anybody needs": (431, {"headers": MANY_HEADERS}),
    "an answer that nobody makes": (406, {"headers": {"accept": "image/png"}}),
    "a body of another kind": (415, {"headers": {"content-type": "text/plain"}, "content": b"x"}),
    "a body without an end": (413, {"headers": JSON, "content": b" " * (BODY_LIMIT_BYTES + 1)}),
    "a body that is none": (400, {"headers": JSON, "content": b"{"}),
    "a body of the wrong shape": (422, {"headers": JSON, "content": b"[]"}),
    "a question nobody knows": (400, {"params": {"nobody-knows": "1"}}),
    "a token that is none": (401, {"headers": {"authorization": "Bearer x"}}),
}


@pytest.mark.parametrize("provocation", FAULTY_REQUESTS)
async def test_provoked_errors_are_documented(user: ApiUser, address: str, fault: str) -> None:
    expected_status, request_options = FAULTY_REQUESTS[fault]
    headers = {"authorization": f"Bearer {user.token}"}
    seen_statuses = set()

    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
        for path, method in OPERATIONS:
            url = path.replace("{id}", str(uuid4())).replace("{userId}", str(uuid4()))
            response = await client.request(method, url, **request_options)
            seen_statuses.add(response.status_code)
            documented_statuses = DOCUMENT["paths"][path][method]["responses"]
            assert str(response.status_code) in documented_statuses, (method, path, response.text)

    assert expected_status in seen_statuses
