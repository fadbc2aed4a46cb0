"""Email jobs: a mail of the queue is sent once where all goes well, again where it may help, and always as itself."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from monynha.core.actor import system_actor
from monynha.infra.mail import EmailPayload, EmailSender, FolderMailer, Mail, Mailer, enqueue_email
from monynha.infra.mail.smtp_mailer import SmtpMailer, SmtpServer
from monynha.infra.postgres.database import Database
from monynha.infra.queue.attempt import Attempt
from monynha.infra.queue.job_store import JobStore
from tests.emails import read_message, text_of
from tests.infra.mail.smtp_server import Mailbox, free_port, run_smtp_server
from tests.infra.mail.template_folder import SITE_URL, templates_of, write_templates
from tests.live_server import OwnerSql

NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
LEASE = timedelta(minutes=1)
PNG = b"\x89PNG\r\n\x1a\n"


@dataclass
class EmailQueue:
    """A queue of mails that no other test uses."""

    database: Database
    owner_sql: OwnerSql
    templates_folder: Path
    name: str = field(default_factory=lambda: f"email-{uuid4()}")

    async def enqueue(self, to: str = "ada@example.com", template: str = "notice", **data: object) -> None:
        """Queue a mail."""
        async with self.database.as_actor(system_actor("auth")).transaction() as transaction:
            await enqueue_email(transaction, EmailPayload(to, template, data), queue=self.name)

    async def work(self, mailer: Mailer, *, is_killed: bool = False) -> None:
        """Make one attempt at each mail that is due; a worker that is killed does not record how it ended."""
        sender = EmailSender(templates_of(self.templates_folder), mailer, lambda: NOW)
        store = JobStore(self.database, uuid4())
        for job in await store.claim([self.name], 10, lease=LEASE):
            outcome = await Attempt(job, sender.handler(), self.database, claimed_at=0).run()
            if outcome is not None and not is_killed:
                await store.record([outcome])

    async def row(self) -> Any:
        """Return the only job."""
        [row] = await self.owner_sql("select * from monynha.jobs where queue = $1", self.name)
        return row

    async def make_due(self) -> None:
        """Let the time pass until the next attempt, and until the lease of a killed worker ends."""
        await self.owner_sql(
            "update monynha.jobs set run_at = now(), locked_until = now() - interval '1 s' where queue = $1", self.name
        )


class RecordingMailer:
    """A mailer that keeps what it sends."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)


@pytest.fixture
def queue(database: Database, owner_sql: OwnerSql, tmp_path: Path) -> EmailQueue:
    """Return a queue, and one template."""
    write_templates(tmp_path, "<mj-text>{{ name }}</mj-text>", "Hello {{ name }}\n\n{{ locale }}: {{ name }}")
    return EmailQueue(database, owner_sql, tmp_path)


def smtp_mailer(port: int) -> SmtpMailer:
    return SmtpMailer(SmtpServer.from_url(f"smtp://127.0.0.1:{port}", site_url=SITE_URL))


def messages_in(mailbox: Mailbox) -> list[EmailMessage]:
    return [read_message(content) for content in mailbox.contents]


async def test_a_mail_is_sent_in_its_language_and_named_after_its_job(queue: EmailQueue) -> None:
    await queue.enqueue(name="Ada", locale="pt-BR")
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        await queue.work(smtp_mailer(port))

    [message] = messages_in(mailbox)
    row = await queue.row()
    assert (message["to"], message["subject"], text_of(message)) == ("ada@example.com", "Hello Ada", "pt-BR: Ada\n")
    assert message["message-id"] == f"<{row['id']}@board.example.org>"
    assert (row["state"], row["private_data"]) == ("completed", None)


async def test_a_reply_that_is_not_final_is_followed_by_another_attempt(queue: EmailQueue) -> None:
    await queue.enqueue(name="Ada")
    mailbox = Mailbox(replies=["451 4.7.1 Try again later"])
    with run_smtp_server(mailbox) as port:
        await queue.work(smtp_mailer(port))
        delayed = await queue.row()
        await queue.work(smtp_mailer(port))
        attempts_at_once = mailbox.attempts
        await queue.make_due()
        await queue.work(smtp_mailer(port))

    assert (delayed["state"], delayed["attempts"], delayed["last_error"]) == (
        "ready",
        1,
        "The mail was not sent: the mail server replied 451 4.7.1 Try again later.",
    )
    assert delayed["run_at"] - delayed["updated_at"] > timedelta(seconds=4)
    assert attempts_at_once == 1
    assert ((await queue.row())["state"], len(mailbox.envelopes)) == ("completed", 1)


async def test_an_absent_server_is_tried_three_times(queue: EmailQueue) -> None:
    await queue.enqueue(name="Ada")
    mailer = smtp_mailer(free_port())
    for _ in range(4):
        await queue.work(mailer)
        await queue.make_due()

    row = await queue.row()
    assert (row["state"], row["attempts"]) == ("dead", 3)
    assert row["last_error"] == "The mail was not sent: the mail server cannot be reached (SMTPConnectError)."


async def test_a_final_reply_ends_the_job_with_its_text(queue: EmailQueue) -> None:
    await queue.enqueue(name="Ada")
    with run_smtp_server(mailbox := Mailbox(recipient_reply="550 5.1.1 No such user")) as port:
        await queue.work(smtp_mailer(port))
        await queue.make_due()
        await queue.work(smtp_mailer(port))

    row = await queue.row()
    assert (row["state"], row["attempts"], mailbox.attempts) == ("dead", 1, 1)
    assert row["last_error"] == "The mail was refused: the mail server replied 550 5.1.1 No such user."


async def test_a_worker_that_is_killed_after_sending_sends_the_same_mail_again(queue: EmailQueue) -> None:
    await queue.enqueue(name="Ada")
    mailbox = Mailbox()
    with run_smtp_server(mailbox) as port:
        await queue.work(smtp_mailer(port), is_killed=True)
        await queue.make_due()
        await JobStore(queue.database, uuid4()).recover()
        await queue.work(smtp_mailer(port))
        await queue.work(smtp_mailer(port))

    first, second = messages_in(mailbox)
    assert first["message-id"] == second["message-id"]
    assert (first["subject"], text_of(first)) == (second["subject"], text_of(second))
    assert (await queue.row())["state"] == "completed"


@pytest.mark.parametrize(
    ("to", "template", "data", "error"),
    [
        ("a@b.com\r\nBcc: c@d.com", "notice", {"name": "x"}, "The mail was refused: the mail has a header that is not"),
        ("a@b.com, c@d.com", "notice", {"name": "x"}, "The mail was refused: the mail has a header that is not valid"),
        ("a@b.com", "absent", {}, "The mail cannot be written: there is no mail template"),
        ("a@b.com", "notice", {}, "The mail cannot be written: "),
        ("a@b.com", "notice", {"name": "x", "expires_at": "2026-11-27T09:00:00+00:00"}, "The link in the mail has"),
        ("a@b.com", "notice", {"name": "x", "images": {"chart": "?"}}, "An image of the mail is not base64."),
        ("a@b.com", "notice", {"name": "x", "unsubscribe_path": "//evil"}, "The mail cannot be written: a link in"),
    ],
)
async def test_a_mail_that_can_never_be_sent_is_dead_at_once(
    queue: EmailQueue, to: str, template: str, data: dict[str, object], error: str
) -> None:
    await queue.enqueue(to, template, **data)
    await queue.work(FolderMailer(queue.templates_folder / "mail"))

    row = await queue.row()
    assert (row["state"], [*queue.templates_folder.rglob("*.eml")]) == ("dead", [])
    assert row["last_error"].startswith(error)


async def test_a_mail_carries_its_images_and_how_to_end_mails_of_its_kind(queue: EmailQueue) -> None:
    await queue.enqueue(
        name="Ada",
        images={"chart": base64.b64encode(PNG).decode()},
        unsubscribe_path="/reports/stop",
        expires_at="2026-11-27T09:00:01+00:00",
    )
    mailer = RecordingMailer()
    await queue.work(mailer)

    [mail] = mailer.mails
    assert mail.inline_images == {"chart": PNG}
    assert mail.unsubscribe_url == f"{SITE_URL}/reports/stop"
    assert mail.id == str((await queue.row())["id"])
