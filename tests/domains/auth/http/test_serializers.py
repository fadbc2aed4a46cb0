"""JSON of accounts and sessions."""

from __future__ import annotations

from tests.domains.auth.conftest import AuthApp, new_email


async def test_a_session_has_its_tokens_and_its_user(auth_app: AuthApp) -> None:
    email = new_email()

    session = await auth_app.sign_up(email.upper(), name="Ada Lovelace")

    assert session["token_type"] == "bearer"
    assert session["expires_in"] == 3600
    assert session["expires_at"] == int(auth_app.clock().timestamp()) + 3600
    user = session["user"]
    assert (user["email"], user["aud"], user["role"], user["phone"]) == (
        email,
        "authenticated",
        "authenticated",
        "",
    )
    assert user["app_metadata"] == {"provider": "email", "providers": ["email"]}
    assert user["user_metadata"] == {
        "name": "Ada Lovelace",
        "email": email,
        "email_verified": True,
        "phone_verified": False,
        "sub": user["id"],
    }
    assert [identity["provider"] for identity in user["identities"]] == ["email"]
    assert user["is_anonymous"] is False
    assert user["email_confirmed_at"].endswith("Z")
    assert "password" not in str(session)
