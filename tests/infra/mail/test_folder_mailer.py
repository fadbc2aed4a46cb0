"""Mail that is written into a folder."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monynha.infra.mail import CopyingMailer, FolderMailer, Mail
from monynha.infra.mail.mailer import MailDelayedError, MailRefusedError
from tests.emails import read_message, text_of


@dataclass
class AbsentServer:
    """A mailer whose server does not answer."""

    mails: list[Mail] = field(default_factory=list)

    async def send(self, mail: Mail) -> None:
        self.mails.append(mail)
        raise MailDelayedError("no answer")


async def test_mail_is_a_file_that_any_mail_program_reads(tmp_path: Path) -> None:
    text = f"Grüße, 日本語\n\nhttps://example.com/{'x' * 300}\n"
    html = "<p>Grüße</p>"
    await FolderMailer(tmp_path / "mail").send(Mail("ada@example.com", "Bestätige", text, html))

    (path,) = (tmp_path / "mail").iterdir()
    message = read_message(path.read_bytes())

    assert path.suffix == ".eml"
    assert (message["to"], message["subject"]) == ("ada@example.com", "Bestätige")
    assert (text_of(message), text_of(message, "html").strip()) == (text, html)
    assert f"https://example.com/{'x' * 300}" in path.read_text(), "a link stays in one piece"


async def test_file_names_sort_by_time(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path)
    for n in range(5):
        await mailer.send(Mail("a@example.com", str(n), ""))

    subjects = [read_message(path.read_bytes())["subject"] for path in sorted(tmp_path.iterdir())]
    assert subjects == list("01234")


async def test_mails_of_the_same_moment_are_all_written(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path)
    await asyncio.gather(*(mailer.send(Mail("a@example.com", "x", "")) for _ in range(50)))

    assert len(list(tmp_path.glob("*.eml"))) == 50


async def test_another_attempt_of_the_same_mail_is_one_file(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path)
    for text in ("first\n", "second\n"):
        await mailer.send(Mail("a@example.com", "x", text, id="3f1c-9f"))
    await mailer.send(Mail("a@example.com", "x", "other\n", id="9f"))

    texts = [text_of(read_message(path.read_bytes())) for path in sorted(tmp_path.iterdir())]
    assert texts == ["second\n", "other\n"]


async def test_the_id_of_a_mail_cannot_name_another_folder(tmp_path: Path) -> None:
    await FolderMailer(tmp_path / "mail").send(Mail("a@example.com", "x", "", id="../../x*"))

    assert [path.parent.name for path in tmp_path.rglob("*.eml")] == ["mail"]


@pytest.mark.parametrize("text", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
async def test_address_cannot_add_a_header(tmp_path: Path, text: str) -> None:
    with pytest.raises(MailRefusedError):
        await FolderMailer(tmp_path).send(Mail(text, "x", ""))

    assert list(tmp_path.glob("*.eml")) == []


async def test_the_folder_has_a_copy_of_a_mail_that_the_server_does_not_take(tmp_path: Path) -> None:
    server, mail = AbsentServer(), Mail("a@example.com", "x", "", id="1")
    with pytest.raises(MailDelayedError):
        await CopyingMailer(FolderMailer(tmp_path), server).send(mail)

    assert len(list(tmp_path.glob("*.eml"))) == 1
    assert server.mails == [mail]
