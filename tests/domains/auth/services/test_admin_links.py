"""Back offices: links and invitations that are made by the service key."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


@pytest.mark.parametrize("type", ["magiclink", "recovery"])
async def test_a_made_link_signs_in_without_a_mail(desk: AuthApp, type: str) -> None:
    user = await desk.create_user()
    body = {"type": type, "email": user["email"]}

    link = (await desk.post("/admin/generate_link", body, desk.service_key)).json()

    assert (link["id"], link["verification_type"]) == (user["id"], type)
    assert link["action_link"].startswith(f"{desk.settings.site_url}/auth/v1/verify?token={link['hashed_token']}")
    assert desk.emails_to(user["email"]) == []
    answer = await desk.post("/verify", {"type": type, "token_hash": link["hashed_token"]})
    assert answer.json()["user"]["id"] == user["id"]


async def test_a_made_sign_up_link_makes_the_account_and_its_code_confirms_it(desk: AuthApp) -> None:
    address = new_email()
    body = {"type": "signup", "email": address, "password": PASSWORD, "data": {"name": "Ada"}}
    link = (await desk.post("/admin/generate_link", body, desk.service_key)).json()
    assert (await desk.sign_in(address)).json()["error_code"] == "email_not_confirmed"

    body = {"type": "signup", "email": address, "token": link["email_otp"]}
    assert (await desk.post("/verify", body)).json()["user"]["user_metadata"]["name"] == "Ada"

    assert (await desk.sign_in(address)).status_code == 200


async def test_an_invitation_is_mailed_and_its_link_signs_in(desk: AuthApp) -> None:
    address = new_email()
    invited = await desk.post("/invite", {"email": address, "data": {"name": "Ada"}}, desk.service_key)
    assert invited.json()["invited_at"]

    body = {"type": "invite", "token_hash": desk.emails_to(address)[0].token}
    session = (await desk.post("/verify", body)).json()

    assert session["user"]["email_confirmed_at"]
    again = await desk.post("/invite", {"email": address}, desk.service_key)
    assert (again.status_code, again.json()["error_code"]) == (422, "email_exists")


async def test_made_links_for_both_addresses_change_the_address(desk: AuthApp) -> None:
    user, new = await desk.create_user(), new_email("new")
    for type in ("email_change_current", "email_change_new"):
        body = {"type": type, "email": user["email"], "new_email": new}
        link = (await desk.post("/admin/generate_link", body, desk.service_key)).json()
        proof = {"type": "email_change", "token_hash": link["hashed_token"]}
        answer = await desk.post("/verify", proof)

    assert answer.json()["user"]["email"] == new


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
async def test_a_link_that_cannot_be_is_not_made(desk: AuthApp, body: dict[str, Any], status: int, code: str) -> None:
    answer = await desk.post("/admin/generate_link", body, desk.service_key)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
