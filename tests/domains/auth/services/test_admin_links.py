"""Admin links: links and invitations created with the service key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


@pytest.mark.parametrize("type", ["magiclink", "recovery"])
async def test_a_generated_link_signs_in_and_sends_no_email(auth_app: AuthApp, type: str) -> None:
    user = await auth_app.create_user()
    body = {"type": type, "email": user["email"]}

    link = (await auth_app.post("/admin/generate_link", body, auth_app.service_key)).json()

    assert (link["id"], link["verification_type"]) == (user["id"], type)
    assert link["action_link"].startswith(f"{auth_app.settings.site_url}/auth/v1/verify?token={link['hashed_token']}")
    assert auth_app.emails_to(user["email"]) == []
    response = await auth_app.post("/verify", {"type": type, "token_hash": link["hashed_token"]})
    assert response.json()["user"]["id"] == user["id"]


async def test_a_sign_up_link_creates_the_account_and_its_code_confirms_it(auth_app: AuthApp) -> None:
    email = new_email()
    body = {"type": "signup", "email": email, "password": PASSWORD, "data": {"name": "Ada"}}
    link = (await auth_app.post("/admin/generate_link", body, auth_app.service_key)).json()
    assert (await auth_app.sign_in(email)).json()["error_code"] == "email_not_confirmed"

    body = {"type": "signup", "email": email, "token": link["email_otp"]}
    assert (await auth_app.post("/verify", body)).json()["user"]["user_metadata"]["name"] == "Ada"

    assert (await auth_app.sign_in(email)).status_code == 200


async def test_a_sign_up_link_proves_the_password_that_the_admin_gave(confirming_app: AuthApp) -> None:
    email = new_email()
    await confirming_app.sign_up_unconfirmed(email, "the password of a thief")
    body = {"type": "signup", "email": email, "password": PASSWORD, "data": {"name": "Ada"}}
    link = (await confirming_app.post("/admin/generate_link", body, confirming_app.service_key)).json()

    await confirming_app.post("/verify", {"type": "signup", "token_hash": link["hashed_token"]})

    assert (await confirming_app.sign_in(email, "the password of a thief")).status_code == 400
    assert (await confirming_app.sign_in(email)).status_code == 200


async def test_metadata_of_a_generated_link_is_exactly_what_was_sent(auth_app: AuthApp) -> None:
    body = {"type": "signup", "email": new_email(), "password": PASSWORD, "data": {"name": "Ada"}}
    link = (await auth_app.post("/admin/generate_link", body, auth_app.service_key)).json()

    assert link["user_metadata"] == {"name": "Ada"}


async def test_an_invitation_is_mailed_and_its_link_signs_in(auth_app: AuthApp) -> None:
    email = new_email()
    invited = await auth_app.post("/invite", {"email": email, "data": {"name": "Ada"}}, auth_app.service_key)
    assert invited.json()["invited_at"]

    body = {"type": "invite", "token_hash": auth_app.emails_to(email)[0].token}
    session = (await auth_app.post("/verify", body)).json()

    assert session["user"]["email_confirmed_at"]
    again = await auth_app.post("/invite", {"email": email}, auth_app.service_key)
    assert (again.status_code, again.json()["error_code"]) == (422, "email_exists")


async def test_generated_links_for_both_addresses_change_the_email(auth_app: AuthApp) -> None:
    user, new = await auth_app.create_user(), new_email("new")
    for type in ("email_change_current", "email_change_new"):
        body = {"type": type, "email": user["email"], "new_email": new}
        link = (await auth_app.post("/admin/generate_link", body, auth_app.service_key)).json()
        proof = {"type": "email_change", "token_hash": link["hashed_token"]}
        response = await auth_app.post("/verify", proof)

    assert response.json()["user"]["email"] == new


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"type": "recovery", "email": "unknown@example.com"}, 404, "user_not_found"),
        (
            {"type": "email_change_new", "email": "unknown@example.com", "new_email": "a@b.co"},
            404,
            "user_not_found",
        ),
        ({"type": "nonsense", "email": "a@b.co"}, 400, "validation_failed"),
        ({"type": "signup", "email": "a@b.co"}, 400, "validation_failed"),
        ({"type": "signup", "email": "a@b.co", "password": "short"}, 422, "weak_password"),
        ({"email": "a@b.co"}, 400, "validation_failed"),
        ({"type": "magiclink"}, 400, "validation_failed"),
    ],
)
async def test_an_invalid_link_request_is_refused(
    auth_app: AuthApp, body: dict[str, Any], status: int, code: str
) -> None:
    response = await auth_app.post("/admin/generate_link", body, auth_app.service_key)

    assert (response.status_code, response.json()["error_code"]) == (status, code)
