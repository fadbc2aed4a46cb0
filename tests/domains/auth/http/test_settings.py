"""Routes that describe auth."""

from __future__ import annotations

from tests.domains.auth.conftest import AuthApp


async def test_health_settings_and_key_set_describe_auth(auth_app: AuthApp, confirming_app: AuthApp) -> None:
    health = (await auth_app.get("/health")).json()
    settings = (await auth_app.get("/settings")).json()
    keys = await auth_app.get("/.well-known/jwks.json")

    assert health["name"] == "GoTrue"
    assert settings["external"]["email"] is True
    assert [name for name, is_on in settings["external"].items() if is_on] == ["email"]
    assert (settings["disable_signup"], settings["mailer_autoconfirm"]) == (False, True)
    assert (await confirming_app.get("/settings")).json()["mailer_autoconfirm"] is False
    assert keys.json() == {"keys": []}
    assert keys.headers["cache-control"] == "public, max-age=600"
