"""Auth mailer: what is sent to whom, in which language, and that it is sent exactly when its transaction commits."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from monynha.domains.auth.tokens.one_time_tokens import TokenKind
from monynha.infra.postgres.database import Transaction
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, new_email
from tests.live_server import OwnerSql

PORTUGUESE = {"accept-language": "de;q=0.9, pt-PT;q=0.8, en;q=0.5"}


async def queue_magic_link(auth_app: AuthApp, transaction: Transaction, user: dict[str, Any]) -> None:
    """Queue a mail with a token of the user."""
    account = await auth_app.auth.admin.get(UUID(user["id"]))
    tokens = auth_app.auth.verification.one_time_tokens
    token = await tokens.issue(transaction, account.id, TokenKind.MAGICLINK, user["email"])
    await auth_app.auth.mailer.queue_token(transaction, token, account)


@pytest.mark.parametrize(
    ("requested", "redirect_to"),
    [
        ("https://app.example/welcome", "https://app.example/welcome"),
        ("https://other.example/", "https://monynha.test"),
        (None, "https://monynha.test"),
    ],
)
async def test_the_link_leads_on_to_an_allowed_page_only(
    make_auth_app: MakeAuthApp, requested: str | None, redirect_to: str
) -> None:
    auth_app = make_auth_app(
        autoconfirm=True,
        site_url="https://monynha.test",
        cors_origins=("https://app.example",),
        app_env="production",
    )
    user = await auth_app.create_user()
    params = {"redirect_to": requested} if requested else {}
    await auth_app.post("/recover", {"email": user["email"]}, params=params)

    [sent_email] = auth_app.emails_to(user["email"])

    assert parse_qs(urlsplit(sent_email.link).query)["redirect_to"] == [redirect_to]
    assert sent_email.code in sent_email.html
    assert sent_email.link.replace("&", "&amp;") in sent_email.html


async def test_the_notice_of_a_registered_address_contains_no_token(confirming_app: AuthApp) -> None:
    user = await confirming_app.create_user()
    await confirming_app.sign_up_unconfirmed(user["email"])

    [sent_email] = confirming_app.emails_to(user["email"])

    assert sent_email.subject == "You already have an account"
    assert "verify?" not in sent_email.text + sent_email.html


async def test_the_language_is_the_one_that_the_client_prefers(confirming_app: AuthApp) -> None:
    email = new_email()
    await confirming_app.sign_up_unconfirmed(email)
    await confirming_app.post("/resend", {"email": email, "type": "signup"}, headers=PORTUGUESE)

    assert [sent_email.subject for sent_email in confirming_app.emails_to(email)] == [
        "Confirm your email address",
        "Confirme seu endereço de e-mail",
    ]


async def test_every_mail_is_in_the_language_of_its_request(confirming_app: AuthApp) -> None:
    user, new, invited = await confirming_app.create_user(), new_email("new"), new_email("invited")
    email = user["email"]
    token = (await confirming_app.sign_in(email)).json()["access_token"]
    options: dict[str, Any] = {"headers": PORTUGUESE}
    await confirming_app.post("/recover", {"email": email}, **options)
    await confirming_app.post("/otp", {"email": email}, **options)
    await confirming_app.get("/reauthenticate", token, **options)
    await confirming_app.put("/user", {"email": new}, token, **options)
    await confirming_app.post("/invite", {"email": invited}, confirming_app.service_key, **options)
    await confirming_app.auth.accounts.change_email(UUID(user["id"]), new, locale="pt-BR")
    await confirming_app.post("/signup", {"email": email, "password": PASSWORD}, **options)

    subjects = [sent.subject for to in (email, new, invited) for sent in confirming_app.emails_to(to)]

    assert subjects == [
        "Defina uma nova senha",
        "Seu link para entrar",
        "Seu código",
        "Confirme a mudança do seu endereço",
        "Confirme a mudança do seu endereço",
        "Você já tem uma conta",
        "Confirme seu novo endereço",
        "Confirme seu novo endereço",
        "Você recebeu um convite para o Monynha",
    ]


async def test_the_language_of_an_account_precedes_that_of_the_client(auth_app: AuthApp) -> None:
    user = await auth_app.create_user(user_metadata={"locale": "pt-BR"})
    await auth_app.post("/recover", {"email": user["email"]}, headers={"accept-language": "en"})

    [sent_email] = auth_app.emails_to(user["email"])

    assert sent_email.subject == "Defina uma nova senha"


@pytest.mark.parametrize("locale", ["<script>", "de", 7, None, "pt\r\nBcc: x"])
async def test_a_language_that_we_do_not_have_is_english(auth_app: AuthApp, locale: object) -> None:
    user = await auth_app.create_user(user_metadata={"locale": locale})
    await auth_app.post("/recover", {"email": user["email"]}, headers={"accept-language": "xx, *, de-DE"})

    [sent_email] = auth_app.emails_to(user["email"])

    assert sent_email.subject == "Set a new password"


async def test_the_mail_to_the_old_address_names_the_new(confirming_app: AuthApp) -> None:
    old, new = new_email("old"), new_email("new")
    await confirming_app.create_user(email=old)
    token = (await confirming_app.sign_in(old)).json()["access_token"]
    await confirming_app.put("/user", {"email": new}, token)

    [to_old], [to_new] = confirming_app.emails_to(old), confirming_app.emails_to(new)

    assert new in to_old.text
    assert new in to_old.html
    assert old not in to_new.text + to_new.html


async def test_what_a_stranger_calls_themselves_is_in_no_mail(confirming_app: AuthApp) -> None:
    email = new_email()
    await confirming_app.sign_up_unconfirmed(email, data={"name": "Buy at evil.example <script>"})

    [sent_email] = confirming_app.emails_to(email)

    assert "evil" not in sent_email.text + sent_email.html + sent_email.subject


async def test_a_transaction_that_fails_sends_nothing(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    user = await auth_app.create_user()

    async def fail_after_queueing() -> None:
        async with auth_app.repository.transaction() as transaction:
            await queue_magic_link(auth_app, transaction, user)
            raise RuntimeError("rolled back")

    with pytest.raises(RuntimeError, match="rolled back"):
        await fail_after_queueing()

    assert await owner_sql("select from monynha.jobs where queue = $1", auth_app.auth.mailer.queue) == []


async def test_a_link_that_has_expired_is_not_sent(auth_app: AuthApp, owner_sql: OwnerSql) -> None:
    user = await auth_app.create_user()
    async with auth_app.repository.transaction() as transaction:
        await queue_magic_link(auth_app, transaction, user)
    auth_app.clock.advance(3600)
    await auth_app.deliver_emails()

    rows = await owner_sql("select state, last_error from monynha.jobs where queue = $1", auth_app.auth.mailer.queue)

    assert auth_app.emails_to(user["email"]) == []
    assert [(row["state"], row["last_error"]) for row in rows] == [("dead", "The link in the mail has expired.")]


async def test_the_token_of_a_mail_is_in_no_part_of_its_job_that_admins_see(
    confirming_app: AuthApp, owner_sql: OwnerSql
) -> None:
    email = new_email()
    await confirming_app.http.post(
        "/auth/v1/signup", json={"email": email, "password": PASSWORD, "data": {"name": f"Ada {uuid4()}"}}
    )
    [sent_email] = confirming_app.emails_to(email)

    rows: list[Any] = await owner_sql("select * from monynha.jobs where queue = $1", confirming_app.auth.mailer.queue)

    assert [row["state"] for row in rows] == ["completed"]
    assert sent_email.token not in str(rows)
    assert sent_email.code not in str({**rows[0], "id": None})


async def test_emails_in_the_folder_are_readable_by_their_owner_only(confirming_app: AuthApp) -> None:
    await confirming_app.sign_up_unconfirmed(new_email())

    assert confirming_app.mail_dir.stat().st_mode & 0o777 == 0o700
    assert [path.stat().st_mode & 0o777 for path in confirming_app.mail_dir.iterdir()] == [0o600]
