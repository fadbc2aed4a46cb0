"""Admin service: roles, bans, passwords and deletion take effect at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ActorKind
from monynha.core.errors import (
    UnauthenticatedError,
)
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.services.admin import end_of_ban
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import AuthApp, new_email


async def test_a_created_account_can_sign_in_has_a_profile_and_gets_no_email(auth_app: AuthApp) -> None:
    user = await auth_app.create_user(user_metadata={"name": "Ada"}, app_metadata={"team": "a"})

    assert user["app_metadata"] == {"provider": "email", "providers": ["email"], "team": "a"}
    assert user["user_metadata"]["name"] == "Ada"
    assert (await auth_app.sign_in(user["email"])).status_code == 200
    assert [account.name for account in auth_app.hook.created_accounts] == ["Ada"]
    assert auth_app.emails_to(user["email"]) == []


async def test_user_metadata_is_exactly_what_the_admin_sent(auth_app: AuthApp) -> None:
    sent = {"name": "Ada", "nothing": None, "list": [1, {"a": None}]}
    created = await auth_app.create_user(user_metadata=sent, email_confirm=False)
    plain = await auth_app.create_user()
    path = f"/admin/users/{created['id']}"
    moved = await auth_app.put(path, {"email": new_email("new"), "email_confirm": True}, auth_app.service_key)

    assert [user["user_metadata"] for user in (created, plain, moved.json())] == [sent, {}, sent]
    assert moved.json()["identities"][0]["identity_data"]["email"] == moved.json()["email"]


async def test_the_role_of_an_admin_is_stored_and_grants_nothing(auth_app: AuthApp) -> None:
    user = await auth_app.create_user(role="service_role")
    changed = await auth_app.put(f"/admin/users/{user['id']}", {"role": "supabase_admin"}, auth_app.service_key)
    session = (await auth_app.sign_in(user["email"])).json()

    assert [user["role"], changed.json()["role"], session["user"]["role"]] == [
        "service_role",
        "supabase_admin",
        "supabase_admin",
    ]
    actor = auth_app.auth.tokens.verify(session["access_token"])
    assert (actor.kind, actor.id) == (ActorKind.USER, UUID(user["id"]))
    assert (await auth_app.get("/admin/users", session["access_token"])).json()["error_code"] == "not_admin"


async def test_an_account_created_without_confirmation_cannot_sign_in(auth_app: AuthApp) -> None:
    user = await auth_app.create_user(email_confirm=False)

    assert (await auth_app.sign_in(user["email"])).json()["error_code"] == "email_not_confirmed"


async def test_an_account_can_be_created_with_an_id_and_only_a_phone(auth_app: AuthApp) -> None:
    id, phone = str(uuid4()), f"49{uuid4().int % 10**11:011}"
    body = {"id": id, "phone": f"+{phone}", "phone_confirm": True}

    user = (await auth_app.post("/admin/users", body, auth_app.service_key)).json()

    assert (user["id"], user["phone"], user["email"]) == (id, phone, "")
    assert auth_app.hook.created_accounts[0].name == "Guest"


async def test_a_registered_address_or_id_is_refused(auth_app: AuthApp) -> None:
    user, other = await auth_app.create_user(), await auth_app.create_user()

    same_email = await auth_app.post("/admin/users", {"email": user["email"].upper()}, auth_app.service_key)
    same_id = await auth_app.post("/admin/users", {"email": new_email(), "id": user["id"]}, auth_app.service_key)
    changed = await auth_app.put(f"/admin/users/{other['id']}", {"email": user["email"]}, auth_app.service_key)

    assert (same_email.status_code, same_email.json()["error_code"]) == (422, "email_exists")
    assert (same_id.status_code, same_id.json()["error_code"]) == (400, "validation_failed")
    assert (changed.status_code, changed.json()["error_code"]) == (422, "email_exists")


async def test_a_granted_role_applies_at_once_to_existing_tokens(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    actor = auth_app.auth.tokens.verify(session["access_token"])
    query = guard_query("select json_build_array(auth.is_admin())")
    assert await auth_app.database.as_actor(actor).fetch_json(query, ()) == b"[false]"

    path = f"/admin/users/{session['user']['id']}"
    await auth_app.put(path, {"app_metadata": {"role": "admin"}}, auth_app.service_key)
    assert await auth_app.database.as_actor(actor).fetch_json(query, ()) == b"[true]"
    await auth_app.put(path, {"app_metadata": {"role": None}}, auth_app.service_key)
    assert await auth_app.database.as_actor(actor).fetch_json(query, ()) == b"[false]"


async def test_a_ban_applies_everywhere_at_once_and_can_be_lifted(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    email, path = session["user"]["email"], f"/admin/users/{session['user']['id']}"
    actor = auth_app.auth.tokens.verify(session["access_token"])

    banned = await auth_app.put(path, {"ban_duration": "1h30m"}, auth_app.service_key)

    assert banned.json()["banned_until"] > banned.json()["updated_at"]
    assert (await auth_app.sign_in(email)).json()["error_code"] == "user_banned"
    assert (await auth_app.refresh(session["refresh_token"])).status_code == 400
    response = await auth_app.get("/user", session["access_token"])
    assert (response.status_code, response.json()["error_code"]) == (403, "user_banned")
    with pytest.raises(UnauthenticatedError):
        await auth_app.database.as_actor(actor).fetch_json(guard_query("select to_json(1)"), ())

    freed = await auth_app.put(path, {"ban_duration": "none"}, auth_app.service_key)
    assert "banned_until" not in freed.json()
    assert (await auth_app.sign_in(email)).status_code == 200


async def test_a_password_set_by_an_admin_ends_all_sessions(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    await auth_app.put(f"/admin/users/{session['user']['id']}", {"password": "set by the admin"}, auth_app.service_key)

    assert (await auth_app.get("/user", session["access_token"])).json()["error_code"] == "session_not_found"
    assert (await auth_app.sign_in(session["user"]["email"], "set by the admin")).status_code == 200


async def test_a_deleted_account_is_gone_and_its_address_can_sign_up_again(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    email, id = session["user"]["email"], session["user"]["id"]

    assert (await auth_app.delete(f"/admin/users/{id}", auth_app.service_key)).json() == {}

    assert (await auth_app.get(f"/admin/users/{id}", auth_app.service_key)).status_code == 404
    assert (await auth_app.get("/user", session["access_token"])).json()["error_code"] == "user_not_found"
    assert (await auth_app.sign_up(email))["user"]["id"] != id


@pytest.mark.parametrize(
    ("duration", "ban"),
    [
        (None, None),
        ("none", None),
        ("24h", timedelta(hours=24)),
        ("1h30m", timedelta(minutes=90)),
        ("1.5s", timedelta(seconds=1.5)),
        ("300ms", timedelta(milliseconds=300)),
        ("999999999h", timedelta(days=365_000)),
    ],
)
def test_a_ban_lasts_for_its_duration(duration: str | None, ban: timedelta | None) -> None:
    now = datetime(2026, 1, 31, 9, tzinfo=UTC)

    assert end_of_ban(duration, now) == (None if ban is None else now + ban)


@pytest.mark.parametrize("duration", ["", "1", "1d", "-1h", "h", "1h ", "1e3h"])
def test_a_malformed_ban_duration_is_refused(duration: str) -> None:
    with pytest.raises(InvalidAuthRequestError):
        end_of_ban(duration, datetime(2026, 1, 31, 9, tzinfo=UTC))
