"""What auth records: each sign-in and failure, in a transaction that lasts, and nothing that somebody only typed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import orjson
import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email
from tests.live_server import OwnerSql

pytestmark = pytest.mark.anyio

Recorded = Callable[[str], Awaitable[list[dict[str, Any]]]]


@pytest.fixture
def recorded(owner_sql: OwnerSql) -> Recorded:
    """Return a function that reads the events of requests with a user agent, oldest first."""

    async def read(agent: str) -> list[dict[str, Any]]:
        rows = await owner_sql("select * from monynha.audit_events where user_agent = $1 order by number", agent)
        return [{**row, "details": orjson.loads(row["details"])} for row in rows]

    return read


async def test_a_wrong_password_is_recorded_for_the_account_and_without_an_actor(
    auth_app: AuthApp, recorded: Recorded
) -> None:
    user, agent = await auth_app.create_user(), str(uuid4())
    body = {"email": user["email"], "password": "a wrong password"}
    await auth_app.post("/token?grant_type=password", body, headers={"user-agent": agent, "x-request-id": agent})

    [event] = await recorded(agent)

    assert (event["action"], event["actor_id"], event["actor_role"]) == ("sign_in.failed", None, "anon")
    assert (event["target_type"], event["target_id"]) == ("user", user["id"])
    assert event["details"] == {"method": "password", "reason": "invalid_credentials"}
    assert (event["ip"], event["request_id"]) == ("127.0.0.1", agent)


@pytest.mark.parametrize("typed", ["nobody@example.com", "my password in the wrong field"])
async def test_what_was_typed_is_not_recorded(auth_app: AuthApp, recorded: Recorded, typed: str) -> None:
    agent = str(uuid4())
    body = {"email": typed, "password": "s3cret that was typed"}
    await auth_app.post("/token?grant_type=password", body, headers={"user-agent": agent})

    [event] = await recorded(agent)

    assert (event["target_type"], event["target_id"]) == (None, None)
    assert event["details"] == {"method": "password", "reason": "invalid_credentials"}
    assert "s3cret" not in str(event)


@pytest.mark.parametrize(
    ("account", "reason"),
    [({"ban_duration": "1h"}, "user_banned"), ({"email_confirm": False}, "email_not_confirmed")],
)
async def test_a_right_password_that_does_not_let_in_is_recorded_with_its_reason(
    auth_app: AuthApp, recorded: Recorded, account: dict[str, Any], reason: str
) -> None:
    user, agent = await auth_app.create_user(**account), str(uuid4())
    body = {"email": user["email"], "password": PASSWORD}
    await auth_app.post("/token?grant_type=password", body, headers={"user-agent": agent})

    [event] = await recorded(agent)

    assert (event["target_id"], event["details"]["reason"]) == (user["id"], reason)


@pytest.mark.parametrize(
    "body",
    [
        {"type": "magiclink", "email": "nobody@example.com", "token": "123456"},
        {"type": "recovery", "token_hash": "rubbish"},
    ],
)
async def test_a_wrong_code_is_recorded(auth_app: AuthApp, recorded: Recorded, body: dict[str, str]) -> None:
    agent = str(uuid4())
    await auth_app.post("/verify", body, headers={"user-agent": agent})

    [event] = await recorded(agent)

    assert (event["action"], event["details"]) == ("sign_in.failed", {"method": "otp", "reason": "otp_expired"})
    assert body.get("token", "rubbish") not in str(event)


async def test_a_reused_refresh_token_is_recorded_although_the_request_fails(
    auth_app: AuthApp, recorded: Recorded
) -> None:
    session = await auth_app.sign_up()
    first = session["refresh_token"]
    second = (await auth_app.refresh(first)).json()["refresh_token"]
    await auth_app.refresh(second)
    auth_app.clock.advance(60)
    agent = str(uuid4())
    for _ in range(3):
        body = {"refresh_token": first}
        await auth_app.post("/token?grant_type=refresh_token", body, headers={"user-agent": agent})

    [event] = await recorded(agent)

    assert event["action"] == "refresh_token.reused"
    assert event["details"] == {"userId": session["user"]["id"]}
    assert first not in str(event)


async def test_requests_without_a_right_to_anything_record_nothing(auth_app: AuthApp, recorded: Recorded) -> None:
    """Whatever costs an attacker nothing must not cost a row."""
    agent = str(uuid4())
    headers = {"user-agent": agent}
    await auth_app.get("/user", "rubbish", headers=headers)
    await auth_app.get("/admin/users", auth_app.api_key("anon"), headers=headers)
    await auth_app.post("/token?grant_type=refresh_token", {"refresh_token": "rubbish"}, headers=headers)
    await auth_app.post("/token?grant_type=pkce", {"auth_code": "x", "code_verifier": "y"}, headers=headers)
    await auth_app.post("/token?grant_type=password", {"email": "", "password": "x"}, headers=headers)
    await auth_app.post("/logout", {}, "rubbish", headers=headers)

    assert await recorded(agent) == []


async def test_what_an_admin_does_to_an_account_names_the_service_key(auth_app: AuthApp, recorded: Recorded) -> None:
    agent, email = str(uuid4()), new_email()
    key, headers = auth_app.service_key, {"user-agent": agent}
    user = (await auth_app.post("/admin/users", {"email": email}, key, headers=headers)).json()
    path = f"/admin/users/{user['id']}"
    await auth_app.request("PUT", path, key, json={"password": PASSWORD}, headers=headers)
    await auth_app.post("/admin/generate_link", {"type": "recovery", "email": email}, key, headers=headers)
    await auth_app.post("/invite", {"email": new_email()}, key, headers=headers)
    await auth_app.request("DELETE", path, key, headers=headers)

    events = await recorded(agent)

    assert [event["action"] for event in events] == [
        "user.created",
        "password.changed",
        "user.updated",
        "sign_in_link.generated",
        "user.invited",
        "user.deleted",
    ]
    assert {(event["actor_id"], event["actor_role"]) for event in events} == {(None, "service_role")}
    assert PASSWORD not in str(events)
