"""Routes of the own account."""

from __future__ import annotations

from tests.domains.auth.conftest import AuthApp


async def test_users_see_their_own_account(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    response = await auth_app.get("/user", session["access_token"])

    assert response.status_code == 200
    assert response.json()["id"] == session["user"]["id"]


async def test_a_token_with_the_largest_metadata_is_valid(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()
    response = await auth_app.put("/user", {"data": {"a": "x" * 2700}}, session["access_token"])
    assert response.status_code == 200
    path = f"/admin/users/{session['user']['id']}"
    assert (await auth_app.put(path, {"app_metadata": {"a": "x" * 1400}}, auth_app.service_key)).status_code == 200

    refreshed = (await auth_app.refresh(session["refresh_token"])).json()

    assert (await auth_app.get("/user", refreshed["access_token"])).status_code == 200
