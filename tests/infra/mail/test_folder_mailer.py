"""Mail that is written into a folder."""

from __future__ import annotations

import asyncio
import email
import email.policy
from pathlib import Path

import pytest

from monynha.infra.mail import FolderMailer, Mail


def read(path: Path) -> email.message.EmailMessage:
    return email.message_from_bytes(path.read_bytes(), policy=email.policy.default)


async def test_mail_is_a_file_that_any_mail_program_reads(tmp_path: Path) -> None:
    text = f"Grüße, 日本語\n\nhttps://example.com/{'x' * 300}\n"
    await FolderMailer(tmp_path / "mail").send(Mail("ada@example.com", "Bestätige", text))

    (path,) = (tmp_path / "mail").iterdir()
    message = read(path)

    assert path.suffix == ".eml"
    assert (message["to"], message["subject"], message.get_content()) == (
        "ada@example.com",
        "Bestätige",
        text,
    )
    assert f"https://example.com/{'x' * 300}" in path.read_text(), "a link stays in one piece"


async def test_file_names_sort_by_time(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path)
    for n in range(5):
        await mailer.send(Mail("a@example.com", str(n), ""))

    assert list("01234") == [read(path)["subject"] for path in sorted(tmp_path.iterdir())]


async def test_mails_of_the_same_moment_are_all_written(tmp_path: Path) -> None:
    mailer = FolderMailer(tmp_path)
    await asyncio.gather(*(mailer.send(Mail("a@example.com", "x", "")) for _ in range(50)))

    assert len(list(tmp_path.glob("*.eml"))) == 50


@pytest.mark.parametrize("text", ["a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"])
async def test_address_cannot_add_a_header(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match=r"[Hh]eader"):
        await FolderMailer(tmp_path).send(Mail(text, "x", ""))

    assert list(tmp_path.glob("*.eml")) == []
