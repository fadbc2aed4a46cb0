"""The mails of a folder, as the mailbox of development reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.infra.mail import FolderMailer, Mail
from monynha.infra.mail.mailbox import Mailbox


async def test_the_newest_mails_come_first(tmp_path: Path) -> None:
    for n in range(4):
        await FolderMailer(tmp_path).send(Mail("ada@example.com", f"Nº {n}", "text"))

    mails = await Mailbox(tmp_path).newest(3)

    assert [mail.get("subject") for mail in mails] == ["Nº 3", "Nº 2", "Nº 1"]
    assert mails[0].get("to") == "ada@example.com"
    assert mails[0].get("bcc") == ""


async def test_a_folder_that_does_not_exist_has_no_mails(tmp_path: Path) -> None:
    assert await Mailbox(tmp_path / "absent").newest(3) == []
    assert await Mailbox(tmp_path / "absent").read("x") is None


async def test_a_mail_is_read_with_its_images(tmp_path: Path) -> None:
    html = '<img src="cid:chart"><img src="cid:absent">'
    mail = Mail("ada@example.com", "x", "Olá\n", html, inline_images={"chart": b"\x89PNG"})
    await FolderMailer(tmp_path).send(mail)
    mailbox = Mailbox(tmp_path)

    stored = await mailbox.read((await mailbox.newest(1))[0].id)

    assert stored is not None
    assert stored.text == "Olá\n"
    assert stored.html.strip() == '<img src="data:image/png;base64,iVBORw=="><img src="cid:absent">'
    assert stored.content.startswith(b"From: ")


async def test_a_mail_without_html_has_none(tmp_path: Path) -> None:
    await FolderMailer(tmp_path).send(Mail("ada@example.com", "x", "text\n"))
    mailbox = Mailbox(tmp_path)

    stored = await mailbox.read((await mailbox.newest(1))[0].id)

    assert stored is not None
    assert stored.html == ""


@pytest.mark.parametrize("id", ["../secret", "..", "", "a/b", "a\x00", "%2e%2e", "x" * 300])
async def test_an_id_names_a_file_of_the_folder_only(tmp_path: Path, id: str) -> None:
    (tmp_path / "secret.eml").write_text("Subject: secret\n\n")
    (tmp_path / "mail").mkdir()

    assert await Mailbox(tmp_path / "mail").read(id) is None
