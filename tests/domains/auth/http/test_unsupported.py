"""Features that are not offered."""

from __future__ import annotations

import pytest

from tests.domains.auth.conftest import AuthApp


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "/sso", {"domain": "x"}, 404, "saml_provider_disabled"),
        ("POST", "/factors", {"factor_type": "phone"}, 422, "mfa_phone_enroll_not_enabled"),
        ("GET", "/user/identities/authorize?provider=github", None, 404, "manual_linking_disabled"),
        ("DELETE", "/user/identities/x", None, 404, "manual_linking_disabled"),
        ("POST", "/token?grant_type=web3", {}, 422, "web3_provider_disabled"),
        ("POST", "/otp", {"phone": "+491701234567"}, 422, "phone_provider_disabled"),
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
async def test_unsupported_features_respond_with_gotrue_error_codes(
    auth_app: AuthApp, method: str, path: str, body: object, status: int, code: str
) -> None:
    session = await auth_app.sign_up()

    response = await auth_app.request(method, path, session["access_token"], json=body)

    assert (response.status_code, response.json()["error_code"]) == (status, code)


async def test_the_web3_grant_says_that_it_is_disabled(auth_app: AuthApp) -> None:
    response = await auth_app.post("/token?grant_type=web3", {"chain": "solana"})

    assert response.json()["msg"] == "Web3 provider is disabled"
