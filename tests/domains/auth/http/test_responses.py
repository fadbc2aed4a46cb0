"""How /auth/v1 tells its errors, and what it says of itself."""

from __future__ import annotations

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp


@pytest.mark.parametrize("version", ["2024-01-01", "2024-01-02", "2999-12-31"])
async def test_new_clients_get_the_code_as_a_word_and_the_version_back(desk: AuthApp, version: str) -> None:
    answer = await desk.sign_in_as_unknown_user({"X-Supabase-Api-Version": version})

    assert answer.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert answer.headers["x-supabase-api-version"] == "2024-01-01"


@pytest.mark.parametrize("version", [None, "2023-12-31", "2024-1-1", "rubbish", "2024-01-01, 2024-01-01"])
async def test_old_clients_get_the_status_as_the_code(desk: AuthApp, version: str | None) -> None:
    answer = await desk.sign_in_as_unknown_user({"X-Supabase-Api-Version": version} if version else {})

    assert answer.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }
    assert "x-supabase-api-version" not in answer.headers
    assert answer.headers["x-sb-error-code"] == "invalid_credentials"


@pytest.mark.parametrize("layout", [{}, {"X-Supabase-Api-Version": "2024-01-01"}])
async def test_a_weak_password_has_its_reasons_in_both_layouts(desk: AuthApp, layout: dict[str, str]) -> None:
    answer = await desk.post("/signup", {"email": "a@b.co", "password": "short"}, headers=layout)

    assert answer.status_code == 422
    assert answer.json()["weak_password"] == {"reasons": ["length"]}


async def test_what_the_core_refuses_is_told_in_the_same_layout(desk: AuthApp) -> None:
    nowhere = await desk.get("/nowhere")
    wrong_method = await desk.request("PATCH", "/user")
    too_large = await desk.request("POST", "/signup", content=b'{"a":"' + b"x" * 1_100_000 + b'"}')
    twice = await desk.post("/token?grant_type=password&grant_type=password", {})

    assert (nowhere.status_code, nowhere.json()["error_code"]) == (404, "not_found")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert wrong_method.json()["error_code"] == "method_not_allowed"
    assert (too_large.status_code, too_large.json()["error_code"]) == (413, "payload_too_large")
    assert (twice.status_code, twice.json()["error_code"]) == (400, "validation_failed")


async def test_our_own_failure_tells_an_id_and_nothing_else(desk: AuthApp) -> None:
    async def fail(transaction: object, account: object) -> None:
        raise RuntimeError("secret detail")

    desk.hook.on_created = fail  # type: ignore[method-assign]
    answer = await desk.post("/signup", {"email": "fails@example.com", "password": PASSWORD})

    assert answer.status_code == 500
    assert answer.json() == {
        "code": 500,
        "error_code": "unexpected_failure",
        "msg": "Something went wrong on our side.",
        "error_id": answer.headers["x-request-id"],
    }


async def test_auth_says_what_it_is_and_can(desk: AuthApp, mailing_desk: AuthApp) -> None:
    health = (await desk.get("/health")).json()
    settings = (await desk.get("/settings")).json()
    keys = await desk.get("/.well-known/jwks.json")

    assert health["name"] == "GoTrue"
    assert settings["external"]["email"] is True
    assert [name for name, is_on in settings["external"].items() if is_on] == ["email"]
    assert (settings["disable_signup"], settings["mailer_autoconfirm"]) == (False, True)
    assert (await mailing_desk.get("/settings")).json()["mailer_autoconfirm"] is False
    assert keys.json() == {"keys": []}
    assert keys.headers["cache-control"] == "public, max-age=600"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/authorize?provider=github", None, 400, "provider_disabled"),
        ("POST", "/token?grant_type=id_token", {}, 400, "provider_disabled"),
        ("POST", "/sso", {"domain": "x"}, 404, "saml_provider_disabled"),
        ("GET", "/passkeys", None, 404, "passkey_disabled"),
        ("POST", "/factors", {"factor_type": "totp"}, 422, "mfa_totp_enroll_not_enabled"),
        ("POST", "/factors", {"factor_type": "phone"}, 422, "mfa_phone_enroll_not_enabled"),
        ("POST", "/factors/x/challenge", {}, 404, "mfa_factor_not_found"),
        ("POST", "/factors/x/verify", {}, 404, "mfa_factor_not_found"),
        ("DELETE", "/factors/x", None, 404, "mfa_factor_not_found"),
        ("GET", "/user/identities/authorize?provider=github", None, 404, "manual_linking_disabled"),
        ("DELETE", "/user/identities/x", None, 422, "identity_not_found"),
        ("POST", "/otp", {"phone": "+491701234567"}, 422, "phone_provider_disabled"),
        ("POST", "/verify", {"type": "sms", "phone": "1", "token": "1"}, 422, "phone_provider_disabled"),
        ("POST", "/resend", {"type": "sms", "phone": "1"}, 422, "phone_provider_disabled"),
        (
            "POST",
            "/token?grant_type=password",
            {"phone": "1", "password": "x"},
            422,
            "phone_provider_disabled",
        ),
    ],
)
async def test_what_is_not_offered_answers_the_wires_own_code(
    desk: AuthApp, method: str, path: str, body: object, status: int, code: str
) -> None:
    session = await desk.sign_up()

    answer = await desk.request(method, path, session["access_token"], json=body)

    assert (answer.status_code, answer.json()["error_code"]) == (status, code)
