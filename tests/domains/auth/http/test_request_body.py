"""JSON request body: what is refused as malformed."""

from __future__ import annotations

import pytest

from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.request_body import RequestBody
from tests.domains.auth.conftest import AuthApp


@pytest.mark.parametrize(
    "raw", [b"{", b"\xff", b'{"a":1,"a":2}', b'{"email":"\\ud800"}', b"[" * 5000, b'{"a": NaN}'], ids=repr
)
async def test_a_body_that_is_not_json_is_bad_json(auth_app: AuthApp, raw: bytes) -> None:
    response = await auth_app.request("POST", "/signup", content=raw)

    assert (response.status_code, response.json()["error_code"]) == (400, "bad_json")


@pytest.mark.parametrize("value", [5, True, ["x"], {"a": 1}])
def test_a_text_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(InvalidAuthRequestError, match="email must be a string"):
        RequestBody({"email": value}).text("email")


def test_missing_null_and_empty_texts_are_none_unless_required() -> None:
    body = RequestBody({"null": None, "empty": ""})

    assert [body.text(name) for name in ("missing", "null", "empty")] == [None, None, None]
    with pytest.raises(InvalidAuthRequestError, match="empty is required"):
        body.required_text("empty")


def test_booleans_and_objects_keep_their_type() -> None:
    body = RequestBody({"flag": False, "data": {"a": 1}})

    assert body.boolean("flag") is False
    assert body.json_object("data") == {"a": 1}
    for read in (body.boolean, body.json_object):
        with pytest.raises(InvalidAuthRequestError):
            read("data" if read == body.boolean else "flag")
