"""Operations: complete documentation, request bodies, public and custom endpoints."""

from __future__ import annotations

import jsonschema_rs
import pytest

from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, SCHEMAS, operation
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


ACTIONS_WITHOUT_BODY = {
    *("read-all", "retry", "cancel"),
    *("resend", "accept", "decline"),
    *("promote", "demote", "ban", "unban", "sign-out", "reset-password"),
    *("export", "refresh"),
}
WITHOUT_TOKEN = {
    "/api/v1/avatars/{hash}": {"get"},
    # Its cookie is the credential, and without one there is no session.
    "/api/v1/session": {"post", "delete"},
    "/api/v1/session/refresh": {"post"},
    "/api/v1/users": {"post"},
}
ANSWERS_401 = {("/api/v1/session", "post"), ("/api/v1/users", "post")}
"""What needs no token, and responds with 401 to a wrong one, or to a wrong password."""


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_operation_is_documented_completely(path: str, method: str) -> None:
    documented = DOCUMENT["paths"][path][method]

    assert documented["summary"]
    assert documented["description"]
    assert documented["tags"]
    assert [parameter["name"] for parameter in documented["parameters"] if not parameter["description"]] == []
    assert {"400", "429", "500", "503"} <= set(documented["responses"])
    needs_no_token = method in WITHOUT_TOKEN.get(path, ())
    assert ("401" in documented["responses"]) is (not needs_no_token or (path, method) in ANSWERS_401)
    is_action = path.rpartition("/")[2] in ACTIONS_WITHOUT_BODY
    has_body = method in ("post", "put", "patch") and not is_action
    assert ("requestBody" in documented) is has_body


def test_only_sign_up_cookie_sessions_and_pictures_need_no_token() -> None:
    public = {(path, method) for path, method in OPERATIONS if DOCUMENT["paths"][path][method].get("security") == []}

    assert public == {(path, method) for path, methods in WITHOUT_TOKEN.items() for method in methods}
    assert DOCUMENT["security"] == [{"bearer": []}]


@pytest.mark.parametrize(
    ("path", "method", "statuses"),
    [
        ("/tasks", "get", {"200"}),
        ("/tasks/{id}", "get", {"200", "304", "404"}),
        ("/admin/jobs", "get", {"200", "403"}),
        ("/admin/jobs/{id}", "get", {"200", "304", "403", "404"}),
        ("/admin/jobs/{id}/retry", "post", {"200", "403", "404", "409"}),
        ("/projects/{id}/tasks", "post", {"201", "403", "404", "409", "413", "415", "422"}),
        ("/tasks/{id}", "put", {"200", "403", "404", "409", "412", "413", "415", "422"}),
        ("/tasks/{id}", "delete", {"204", "403", "404", "409", "412"}),
        ("/users", "post", {"201", "403", "409", "413", "415", "422"}),
        ("/posts", "post", {"201", "403", "404", "409", "413", "415", "422"}),
        ("/projects", "post", {"201", "403", "404", "409", "413", "415", "422"}),
    ],
)
def test_an_operation_documents_what_it_may_respond(path: str, method: str, statuses: set[str]) -> None:
    of_every_operation = {"400", "401", "406", "408", "429", "431", "500", "503"}

    assert set(operation(path, method)["responses"]) == statuses | of_every_operation


def test_a_body_is_an_object_or_its_data_wrapper() -> None:
    content = operation("/projects/{id}/members", "post")["requestBody"]["content"]["application/json"]

    body_name = content["schema"]["$ref"].rpartition("/")[2]
    names = [variant["$ref"].rpartition("/")[2] for variant in SCHEMAS[body_name]["anyOf"]]
    assert body_name == "MemberCreateBody"
    assert names == ["MemberCreate", "MemberCreateWrapped", "MemberCreateByEmail", "MemberCreateByEmailWrapped"]


async def test_response_of_a_custom_endpoint_matches_its_schema(user: ApiUser) -> None:
    response = await user.post("/notifications/read-all", None)
    documented = operation("/notifications/read-all", "post")["responses"]["200"]

    jsonschema_rs.validate(documented["content"]["application/json"]["schema"], response.json())
    assert response.json()["data"] == {"updated": 0}
    assert (await user.post("/notifications/read-all?all=1", None)).status_code == 400


def test_an_event_stream_is_documented_by_its_media_type() -> None:
    documented = operation("/projects/{id}/events", "get")

    assert list(documented["responses"]["200"]["content"]) == ["text/event-stream"]
    assert "406" not in documented["responses"]
