"""Content negotiation: the Accept header of a client that must be able to read JSON."""

from __future__ import annotations

import pytest

from monynha.protocols.http.content_negotiation import accepts_json
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("application/json", 200),
        ("*/*", 200),
        ("application/*", 200),
        ("text/html, application/xhtml+xml, */*;q=0.8", 200),
        ("application/json;q=0.001", 200),
        ("APPLICATION/JSON", 200),
        ("application/json;charset=utf-8", 200),
        ("", 200),
        ("text/html", 406),
        ("text/html, image/*", 406),
        ("application/xml", 406),
        ("application/json;q=0", 406),
        ("application/json; q=0.0, */*", 406),
        ("*/*;q=0", 406),
        ("application/*;q=0, */*", 406),
        ("application/json, application/*;q=0", 200),
        ("junk", 406),
    ],
)
async def test_client_that_does_not_accept_json_is_refused(user: ApiUser, accept: str, expected: int) -> None:
    project = await user.create_project()
    headers = {"Accept": accept}
    path = f"/projects/{project['id']}"

    responses = [
        await user.get("/projects", headers=headers),
        await user.get(path, headers=headers),
        await user.put(path, {"name": "Changed"}, headers=headers),
    ]

    assert {response.status_code for response in responses} == {expected}
    if expected == 406:
        assert {response.json()["error"]["code"] for response in responses} == {"NOT_ACCEPTABLE"}
        assert (await user.get(path)).json()["data"] == project


def test_client_without_an_accept_header_accepts_json() -> None:
    assert accepts_json(None)


def test_malformed_quality_counts_as_one() -> None:
    assert accepts_json("application/json;q=high")
