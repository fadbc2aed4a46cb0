"""Security notices: the owner of an account is told what happened to it, once, and with nothing that signs in."""

from __future__ import annotations

import re

import pytest

from monynha.core.request_context import RequestContext, reset_request_source, set_request_source
from monynha.domains.auth import ClientInfo
from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.emails.security_notices import SecurityNotice
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email
from tests.emails import SentEmail

pytestmark = pytest.mark.anyio
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}"
MACOS = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME}"
NEW_PASSWORD = "quite another battery"


async def sign_in(app: AuthApp, email: str, user_agent: str, **headers: str) -> str:
    """Sign in with a browser and return the access token."""
    body = {"email": email, "password": PASSWORD}
    all_headers = {"user-agent": user_agent, **{name.replace("_", "-"): value for name, value in headers.items()}}
    response = await app.post("/token?grant_type=password", body, headers=all_headers)
    assert response.status_code == 200, response.text
    token: str = response.json()["access_token"]
    return token


def notices(app: AuthApp, email: str, subject: str) -> list[SentEmail]:
    """Return the mails with a subject."""
    return [mail for mail in app.emails_to(email) if mail.subject == subject]


async def test_the_first_sign_in_is_no_news(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()

    await sign_in(auth_app, user["email"], WINDOWS.format(142))

    assert auth_app.emails_to(user["email"]) == []


async def test_a_sign_up_is_no_news(auth_app: AuthApp) -> None:
    email = new_email()

    await auth_app.sign_up(email)

    assert auth_app.emails_to(email) == []


async def test_a_new_device_is_reported_once(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    await sign_in(auth_app, user["email"], WINDOWS.format(142))
    for _ in range(3):
        await sign_in(auth_app, user["email"], MACOS.format(142))
    await sign_in(auth_app, user["email"], WINDOWS.format(142))

    (mail,) = auth_app.emails_to(user["email"])

    assert mail.subject == "New sign-in to your account"
    assert "Device: Chrome on macOS\n" in mail.text
    assert "IP address: 127.0.0.1\n" in mail.text
    assert re.search(r"Time: \d+ \w+ \d{4}, \d\d:\d\d UTC\n", mail.text)


async def test_an_update_of_the_browser_is_no_new_device(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    for version in (98, 141, 142, 200):
        await sign_in(auth_app, user["email"], WINDOWS.format(version))

    assert auth_app.emails_to(user["email"]) == []


async def test_the_same_browser_elsewhere_is_reported(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    account = await auth_app.auth.admin.get(user["id"])
    sessions = auth_app.auth.sessions
    for ip in ("203.0.113.7", "203.0.99.200", "2001:db8::1", "2001:db8:ffff::2", "198.51.100.1"):
        await sessions.create(account, ClientInfo(ip, WINDOWS.format(142)), method="password")
    await auth_app.deliver_emails()

    assert len(auth_app.emails_to(user["email"])) == 2, "one for each network but the first"


async def test_a_failed_sign_in_makes_no_device_known(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    await sign_in(auth_app, user["email"], WINDOWS.format(142))
    wrong = {"email": user["email"], "password": "wrong password"}
    for _ in range(3):
        await auth_app.post("/token?grant_type=password", wrong, headers={"user-agent": MACOS.format(142)})
    assert auth_app.emails_to(user["email"]) == []

    await sign_in(auth_app, user["email"], MACOS.format(142))

    assert len(auth_app.emails_to(user["email"])) == 1


async def test_a_device_of_one_account_is_new_to_another(auth_app: AuthApp) -> None:
    first, second = await auth_app.create_user(), await auth_app.create_user()
    await sign_in(auth_app, first["email"], MACOS.format(142))
    await sign_in(auth_app, second["email"], WINDOWS.format(142))

    await sign_in(auth_app, second["email"], MACOS.format(142))

    assert auth_app.emails_to(first["email"]) == []
    assert len(auth_app.emails_to(second["email"])) == 1


async def test_a_user_agent_cannot_write_into_the_mail(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    await sign_in(auth_app, user["email"], WINDOWS.format(142))

    await sign_in(auth_app, user["email"], "Call +1 555 0100 or visit https://evil.example <b>now</b>")

    (mail,) = auth_app.emails_to(user["email"])
    assert "Device: Unknown\n" in mail.text
    for text in ("evil", "555", "<b>now"):
        assert text not in mail.text + mail.html


async def test_a_notice_is_in_the_language_of_the_account(auth_app: AuthApp) -> None:
    user = await auth_app.create_user(user_metadata={"locale": "pt-BR"})
    await sign_in(auth_app, user["email"], WINDOWS.format(142))

    # Not in that of whoever signs in.
    await sign_in(auth_app, user["email"], MACOS.format(142), accept_language="en")

    (mail,) = auth_app.emails_to(user["email"])
    assert mail.subject == "Novo acesso à sua conta"
    assert "Dispositivo: Chrome no macOS\n" in mail.text


async def test_a_changed_password_is_reported(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    token = await sign_in(auth_app, user["email"], WINDOWS.format(142))

    response = await auth_app.put(
        "/user", {"password": NEW_PASSWORD}, token, headers={"user-agent": WINDOWS.format(142)}
    )

    assert response.status_code == 200, response.text
    (mail,) = auth_app.emails_to(user["email"])
    assert mail.subject == "Your password was changed"
    assert "Device: Chrome on Windows\n" in mail.text
    assert NEW_PASSWORD not in mail.text


async def test_what_is_refused_is_not_reported(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    token = await sign_in(auth_app, user["email"], WINDOWS.format(142))

    await auth_app.put("/user", {"password": "x"}, token)
    await auth_app.put("/user", {"password": PASSWORD}, token)
    await auth_app.put("/user", {"password": NEW_PASSWORD, "nonce": "123456"}, token)
    await auth_app.put("/user", {"data": {}}, token)

    assert auth_app.emails_to(user["email"]) == []


async def test_an_admin_s_changes_are_reported_without_the_admin_s_address(auth_app: AuthApp) -> None:
    user, new_address = await auth_app.create_user(), new_email()

    await auth_app.put(f"/admin/users/{user['id']}", {"password": NEW_PASSWORD}, auth_app.service_key)
    await auth_app.put(f"/admin/users/{user['id']}", {"email": new_address}, auth_app.service_key)

    subjects = [mail.subject for mail in auth_app.emails_to(user["email"])]
    assert subjects == ["Your password was changed", "Your email address was changed"]
    for mail in auth_app.emails_to(user["email"]):
        assert "IP address" not in mail.text
        assert "Device" not in mail.text
    assert new_address in auth_app.emails_to(user["email"])[1].text
    assert auth_app.emails_to(new_address) == []


async def test_the_former_address_is_told_of_the_new_one(auth_app: AuthApp) -> None:
    former, new_address = new_email(), new_email()
    session = await auth_app.sign_up(former)

    await auth_app.put("/user", {"email": new_address}, session["access_token"])

    (mail,) = auth_app.emails_to(former)
    assert mail.subject == "Your email address was changed"
    assert new_address in mail.text
    assert "write to whoever runs" in mail.text


async def test_the_former_address_is_told_once_both_have_confirmed(confirming_app: AuthApp) -> None:
    user, new_address = await confirming_app.create_user(), new_email()
    response = await confirming_app.sign_in(user["email"])
    await confirming_app.put("/user", {"email": new_address}, response.json()["access_token"])
    await confirming_app.follow(confirming_app.emails_to(user["email"])[-1].link)
    assert notices(confirming_app, user["email"], "Your email address was changed") == []

    await confirming_app.follow(confirming_app.emails_to(new_address)[-1].link)

    (mail,) = notices(confirming_app, user["email"], "Your email address was changed")
    assert new_address in mail.text


@pytest.mark.parametrize(("notice", "name"), [
    (SecurityNotice.FACTOR_ADDED, "Phone"),
    (SecurityNotice.FACTOR_REMOVED, "Key\r\nBcc: x@evil.example"),
    (SecurityNotice.TOKEN_CREATED, "<a href='https://evil.example'>"),
])  # fmt: skip
async def test_other_parts_of_auth_queue_theirs(auth_app: AuthApp, notice: SecurityNotice, name: str) -> None:
    user = await auth_app.create_user()
    account = await auth_app.auth.admin.get(user["id"])
    token = set_request_source(_Request())
    try:
        async with auth_app.repository.transaction() as transaction:
            await auth_app.auth.security_notices.queue(transaction, account, notice, {"name": name, "secret": "hidden"})
    finally:
        reset_request_source(token)
    await auth_app.deliver_emails()

    (mail,) = auth_app.emails_to(user["email"])

    assert f"Name: {' '.join(name.split())}" in " ".join(mail.text.split())
    assert "IP address: 192.0.2.1\n" in mail.text
    assert "hidden" not in mail.text
    assert "<a href='https://evil" not in mail.html


@pytest.mark.parametrize("email_is_confirmed", [True, False])
async def test_an_address_that_nobody_has_confirmed_gets_none(auth_app: AuthApp, email_is_confirmed: bool) -> None:
    user = await auth_app.create_user(email_confirm=email_is_confirmed)

    await auth_app.put(f"/admin/users/{user['id']}", {"password": NEW_PASSWORD}, auth_app.service_key)

    assert len(auth_app.emails_to(user["email"])) == int(email_is_confirmed)


async def test_an_account_without_an_address_gets_none(auth_app: AuthApp) -> None:
    async with auth_app.repository.transaction() as transaction:
        account = await auth_app.repository.insert(transaction, NewAccount(None, phone="15550100"))
        assert account
        await auth_app.auth.security_notices.queue(transaction, account, SecurityNotice.PASSWORD_CHANGED)


async def test_no_notice_signs_in(auth_app: AuthApp) -> None:
    user = await auth_app.create_user()
    await sign_in(auth_app, user["email"], WINDOWS.format(142))
    token = await sign_in(auth_app, user["email"], MACOS.format(142))
    await auth_app.put("/user", {"password": NEW_PASSWORD, "email": new_email()}, token)

    mails = auth_app.emails_to(user["email"])

    assert len(mails) == 3
    for mail in mails:
        assert set(re.findall(r"https?://[^\"'\s<>]*", mail.text)) == {f"{auth_app.settings.site_url}/"}
        assert "token" not in mail.text
        assert not re.search(r"\b\d{6}\b", mail.text)


class _Request:
    """A request of somebody else than the account's owner."""

    is_read = False

    def context(self) -> RequestContext:
        """Return the context."""
        return RequestContext("192.0.2.1", WINDOWS.format(142), "request-1")
