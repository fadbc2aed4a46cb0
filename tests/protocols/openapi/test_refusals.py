"""Whatever refuses a request before its handler is through, the document tells of it at that address."""

from __future__ import annotations

from types import ModuleType
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.app.described import openapi_document
from monynha.core.errors import Fault
from monynha.protocols.http import connection, limits, request
from monynha.protocols.http.request import BODY_LIMIT_BYTES
from tests.people import Person

pytestmark = pytest.mark.anyio

DOCUMENT = openapi_document()
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


def known_to(module: ModuleType) -> set[str]:
    """Return the statuses of the faults that a module can raise."""
    named = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Fault)]
    return {str(one.status) for one in named}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_what_can_be_refused_anywhere_is_told_everywhere(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]
    everywhere = known_to(connection) | known_to(limits)

    assert {"408", "431", "429"} <= everywhere <= set(operation["responses"])
    assert "requestBody" not in operation or known_to(request) <= set(operation["responses"])
    assert "405" not in operation["responses"]


MANY_HEADERS = [("x-more", "x")] * 101
JSON = {"content-type": "application/json"}
PROVOCATIONS: dict[str, tuple[int, dict[str, Any]]] = {
    "more headers than anybody needs": (431, {"headers": MANY_HEADERS}),
    "an answer that nobody makes": (406, {"headers": {"accept": "image/png"}}),
    "a body of another kind": (415, {"headers": {"content-type": "text/plain"}, "content": b"x"}),
    "a body without an end": (413, {"headers": JSON, "content": b" " * (BODY_LIMIT_BYTES + 1)}),
    "a body that is none": (400, {"headers": JSON, "content": b"{"}),
    "a body of the wrong shape": (422, {"headers": JSON, "content": b"[]"}),
    "a question nobody knows": (400, {"params": {"nobody-knows": "1"}}),
    "a token that is none": (401, {"headers": {"authorization": "Bearer x"}}),
}


@pytest.mark.parametrize("provocation", PROVOCATIONS)
async def test_what_is_provoked_is_as_described(ada: Person, address: str, provocation: str) -> None:
    wanted, given = PROVOCATIONS[provocation]
    headers = {"authorization": f"Bearer {ada.token}"}
    told = set()

    async with httpx.AsyncClient(base_url=f"http://{address}", headers=headers) as client:
        for path, method in OPERATIONS:
            place = path.replace("{id}", str(uuid4())).replace("{userId}", str(uuid4()))
            answer = await client.request(method, place, **given)
            told.add(answer.status_code)
            described = DOCUMENT["paths"][path][method]["responses"]
            assert str(answer.status_code) in described, (method, path, answer.text)

    assert wanted in told
