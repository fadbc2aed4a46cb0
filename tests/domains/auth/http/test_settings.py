"""Routes that describe auth."""

from __future__ import annotations

from tests.domains.auth.conftest import SMS_HOOK, AuthApp, MakeAuthApp


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


async def test_settings_say_what_is_on(make_auth_app: MakeAuthApp) -> None:
    nothing = (await make_auth_app(autoconfirm=False, signup="off").get("/settings")).json()
    everything = (
        await make_auth_app(autoconfirm=True, anonymous_users=True, phone_autoconfirm=True, **SMS_HOOK).get("/settings")
    ).json()
    tests_only = (await make_auth_app(sms_test_otps=("1234567890=123456",)).get("/settings")).json()

    assert (nothing["external"]["anonymous_users"], nothing["external"]["phone"]) == (False, False)
    assert (nothing["disable_signup"], nothing["phone_autoconfirm"], nothing["sms_provider"]) == (True, False, "")
    assert (everything["external"]["anonymous_users"], everything["external"]["phone"]) == (True, True)
    assert (everything["disable_signup"], everything["phone_autoconfirm"]) == (False, True)
    assert everything["sms_provider"] == "hook"
    assert (tests_only["external"]["phone"], tests_only["sms_provider"]) == (True, "")
