"""Back offices: making, finding, changing, banning and removing accounts by the service key."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from monynha.core.errors import UnauthenticatedError
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email

ROUTES = [
    ("GET", "/admin/users"),
    ("POST", "/admin/users"),
    ("GET", f"/admin/users/{uuid4()}"),
    ("PUT", f"/admin/users/{uuid4()}"),
    ("DELETE", f"/admin/users/{uuid4()}"),
    ("POST", "/admin/generate_link"),
    ("POST", "/invite"),
    ("GET", f"/admin/users/{uuid4()}/factors"),
    ("GET", "/admin/audit"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=range(len(ROUTES)))
async def test_only_the_service_key_opens_the_back_office(desk: AuthApp, method: str, path: str) -> None:
    session = await desk.sign_up()
    admin = await desk.create_user(app_metadata={"role": "admin"})
    signed_in = (await desk.sign_in(admin["email"])).json()

    outcomes = [
        (await desk.request(method, path, token, json={})).json().get("error_code")
        for token in (
            None,
            desk.api_key("anon"),
            session["access_token"],
            signed_in["access_token"],
            "rubbish",
        )
    ]

    assert outcomes == ["no_authorization", "not_admin", "not_admin", "not_admin", "bad_jwt"]


async def test_a_made_account_signs_in_and_has_a_profile_and_no_mail(desk: AuthApp) -> None:
    user = await desk.create_user(user_metadata={"name": "Ada"}, app_metadata={"team": "a"})

    assert user["app_metadata"] == {"provider": "email", "providers": ["email"], "team": "a"}
    assert user["user_metadata"]["name"] == "Ada"
    assert (await desk.sign_in(user["email"])).status_code == 200
    assert [account.name for account in desk.hook.created_accounts] == ["Ada"]
    assert desk.emails_to(user["email"]) == []


async def test_an_account_made_without_confirmation_cannot_sign_in_yet(desk: AuthApp) -> None:
    user = await desk.create_user(email_confirm=False)

    assert (await desk.sign_in(user["email"])).json()["error_code"] == "email_not_confirmed"


async def test_an_account_may_be_made_with_an_id_and_with_a_phone_alone(desk: AuthApp) -> None:
    id, phone = str(uuid4()), f"49{uuid4().int % 10**11:011}"
    body = {"id": id, "phone": f"+{phone}", "phone_confirm": True}

    user = (await desk.post("/admin/users", body, desk.service_key)).json()

    assert (user["id"], user["phone"], user["email"]) == (id, phone, "")
    assert desk.hook.created_accounts[0].name == "Guest"


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 400, "validation_failed"),
        ({"email": "x"}, 400, "validation_failed"),
        ({"email": "a@b.co", "id": "x"}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": "short"}, 422, "weak_password"),
        ({"email": "a@b.co", "password_hash": "md5"}, 400, "validation_failed"),
        ({"email": "a@b.co", "password": PASSWORD, "password_hash": "$2b$"}, 400, "validation_failed"),
        ({"email": "a@b.co", "email_confirm": "yes"}, 400, "validation_failed"),
        ({"email": "a@b.co", "app_metadata": {"a": "x" * 1600}}, 400, "validation_failed"),
        ({"email": "a@b.co", "ban_duration": "a week"}, 400, "validation_failed"),
        ({"phone": "call me"}, 400, "validation_failed"),
    ],
)
async def test_an_account_that_is_not_good_is_not_made(
    desk: AuthApp, body: dict[str, Any], status: int, code: str
) -> None:
    answer = await desk.post("/admin/users", body, desk.service_key)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
    assert desk.hook.created_accounts == []


async def test_a_taken_address_or_id_is_told(desk: AuthApp) -> None:
    user, other = await desk.create_user(), await desk.create_user()

    same_email = await desk.post("/admin/users", {"email": user["email"].upper()}, desk.service_key)
    same_id = await desk.post("/admin/users", {"email": new_email(), "id": user["id"]}, desk.service_key)
    changed = await desk.put(f"/admin/users/{other['id']}", {"email": user["email"]}, desk.service_key)

    assert (same_email.status_code, same_email.json()["error_code"]) == (422, "email_exists")
    assert (same_id.status_code, same_id.json()["error_code"]) == (400, "validation_failed")
    assert (changed.status_code, changed.json()["error_code"]) == (422, "email_exists")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_an_unknown_account_is_not_found(desk: AuthApp, method: str) -> None:
    unknown = await desk.request(method, f"/admin/users/{uuid4()}", desk.service_key, json={})
    malformed = await desk.request(method, "/admin/users/'or'1", desk.service_key, json={})

    assert (unknown.status_code, unknown.json()["error_code"]) == (404, "user_not_found")
    assert (malformed.status_code, malformed.json()["error_code"]) == (404, "validation_failed")


async def test_all_accounts_are_listed_by_pages_with_their_number(desk: AuthApp) -> None:
    for _ in range(3):
        await desk.create_user()

    first = await desk.get("/admin/users?page=1&per_page=2", desk.service_key)
    empty = await desk.get("/admin/users?page=&per_page=", desk.service_key)
    beyond = await desk.get("/admin/users?page=999999&per_page=2", desk.service_key)

    total = int(first.headers["x-total-count"])
    last = -(-total // 2)
    base = f"{desk.settings.site_url}/auth/v1/admin/users"
    assert total >= 3
    assert len(first.json()["users"]) == 2
    assert first.headers["link"] == (
        f'<{base}?page=2&per_page=2>; rel="next", <{base}?page={last}&per_page=2>; rel="last"'
    )
    assert empty.json()["aud"] == "authenticated"
    assert len(empty.json()["users"]) == min(50, total)
    assert beyond.json()["users"] == []
    ids = [user["id"] for n in range(1, last + 1) for user in await listed(desk, n)]
    assert len(ids) == len(set(ids)) == total


async def listed(desk: AuthApp, page: int) -> list[dict[str, Any]]:
    answer = await desk.get(f"/admin/users?page={page}&per_page=2", desk.service_key)
    users: list[dict[str, Any]] = answer.json()["users"]
    return users


async def test_accounts_are_found_by_a_piece_of_their_address(desk: AuthApp) -> None:
    user = await desk.create_user()
    piece = user["email"].partition("@")[0]

    found = (await desk.get(f"/admin/users?filter={piece.upper()}", desk.service_key)).json()["users"]
    wild = await desk.get("/admin/users?filter=%25", desk.service_key)

    assert [each["id"] for each in found] == [user["id"]]
    assert wild.json()["users"] == []


@pytest.mark.parametrize("query", ["page=0", "page=-1", "page=x", "per_page=1e3", "page=9999999999", "page=²"])
async def test_a_page_that_is_no_number_is_refused(desk: AuthApp, query: str) -> None:
    answer = await desk.get(f"/admin/users?{query}", desk.service_key)

    assert (answer.status_code, answer.json()["error_code"]) == (400, "validation_failed")


async def test_a_role_given_by_an_admin_counts_at_once_for_tokens_of_before(desk: AuthApp) -> None:
    session = await desk.sign_up()
    actor = desk.auth.tokens.verify(session["access_token"])
    asked = guard_query("select json_build_array(auth.is_admin())")
    assert await desk.database.as_actor(actor).fetch_json(asked, ()) == b"[false]"

    path = f"/admin/users/{session['user']['id']}"
    await desk.put(path, {"app_metadata": {"role": "admin"}}, desk.service_key)
    assert await desk.database.as_actor(actor).fetch_json(asked, ()) == b"[true]"
    await desk.put(path, {"app_metadata": {"role": None}}, desk.service_key)
    assert await desk.database.as_actor(actor).fetch_json(asked, ()) == b"[false]"


async def test_a_ban_holds_everywhere_at_once_and_ends(desk: AuthApp) -> None:
    session = await desk.sign_up()
    address, path = session["user"]["email"], f"/admin/users/{session['user']['id']}"
    actor = desk.auth.tokens.verify(session["access_token"])

    banned = await desk.put(path, {"ban_duration": "1h30m"}, desk.service_key)

    assert banned.json()["banned_until"] > banned.json()["updated_at"]
    assert (await desk.sign_in(address)).json()["error_code"] == "user_banned"
    assert (await desk.refresh(session["refresh_token"])).status_code == 400
    answer = await desk.get("/user", session["access_token"])
    assert (answer.status_code, answer.json()["error_code"]) == (403, "user_banned")
    with pytest.raises(UnauthenticatedError):
        await desk.database.as_actor(actor).fetch_json(guard_query("select to_json(1)"), ())

    freed = await desk.put(path, {"ban_duration": "none"}, desk.service_key)
    assert "banned_until" not in freed.json()
    assert (await desk.sign_in(address)).status_code == 200


async def test_a_password_set_by_an_admin_ends_all_sessions(desk: AuthApp) -> None:
    session = await desk.sign_up()

    await desk.put(f"/admin/users/{session['user']['id']}", {"password": "set by the admin"}, desk.service_key)

    assert (await desk.get("/user", session["access_token"])).json()["error_code"] == "session_not_found"
    assert (await desk.sign_in(session["user"]["email"], "set by the admin")).status_code == 200


async def test_a_deleted_account_is_gone_and_its_address_free(desk: AuthApp) -> None:
    session = await desk.sign_up()
    address, id = session["user"]["email"], session["user"]["id"]

    assert (await desk.request("DELETE", f"/admin/users/{id}", desk.service_key)).json() == {}

    assert (await desk.get(f"/admin/users/{id}", desk.service_key)).status_code == 404
    assert (await desk.get("/user", session["access_token"])).json()["error_code"] == "user_not_found"
    assert (await desk.sign_up(address))["user"]["id"] != id


async def test_a_softly_deleted_account_keeps_its_row_and_nothing_of_the_person(desk: AuthApp) -> None:
    session = await desk.sign_up(name="Ada")
    address, id = session["user"]["email"], session["user"]["id"]

    await desk.request("DELETE", f"/admin/users/{id}", desk.service_key, json={"should_soft_delete": True})

    assert (await desk.get(f"/admin/users/{id}", desk.service_key)).status_code == 404
    assert (await desk.sign_in(address)).json()["error_code"] == "invalid_credentials"
    assert (await desk.refresh(session["refresh_token"])).status_code == 400
    assert (desk.hook.changed_accounts[-1].name, desk.hook.changed_accounts[-1].email) == ("Guest", None)
    async with desk.auth.parts.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.users where id = $1", UUID(id))
    assert row is not None
    assert address not in str(dict(row))
    assert "Ada" not in str(dict(row))
    assert (await desk.sign_up(address))["user"]["id"] != id
