"""Action links lead to the configured site."""

from __future__ import annotations

from tests.domains.auth.conftest import MakeAuthApp, new_email


async def test_a_forged_host_header_does_not_reach_the_email(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, site_url="https://monynha.test")
    email = new_email()
    await auth_app.sign_up(email)
    forged = {"host": "evil.example", "x-forwarded-host": "evil.example", "forwarded": "host=evil.example"}
    await auth_app.post("/recover", {"email": email}, headers=forged)

    sent_email = auth_app.emails_to(email)[0]

    assert "evil" not in sent_email.text
    assert sent_email.link.startswith("https://monynha.test/auth/v1/verify?")
