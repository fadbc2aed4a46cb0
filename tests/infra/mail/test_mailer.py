"""The form of a mail on the wire: its parts, its headers, and what cannot get into them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from monynha.infra.mail.mailer import Mail, MailRefusedError, to_message
from tests.emails import read_message, text_of

SENDER = "Board <board@example.org>"
NOW = datetime(2026, 11, 27, 9, tzinfo=UTC)
PNG = b"\x89PNG\r\n\x1a\n"


def test_a_mail_is_text_and_html_with_its_images() -> None:
    mail = Mail("ada@example.com", "Olá", "text\n", '<img src="cid:chart">', inline_images={"chart": PNG})

    message = read_message(to_message(mail, SENDER, NOW).as_bytes())

    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert (text_of(message), text_of(message, "html").strip()) == ("text\n", '<img src="cid:chart">')
    *_, image = message.walk()
    assert (image["content-id"], image.get_content()) == ("<chart>", PNG)


def test_the_headers_of_a_mail() -> None:
    mail = Mail("ada@example.com", "Olá", "text\n", id="3f1c", unsubscribe_url="https://example.org/stop?x=1")

    message = to_message(mail, SENDER, NOW)

    assert dict(message.items()) == {
        "From": "Board <board@example.org>",
        "To": "ada@example.com",
        "Subject": "Olá",
        "Date": "Fri, 27 Nov 2026 09:00:00 +0000",
        "Message-ID": "<3f1c@example.org>",
        "List-Unsubscribe": "<https://example.org/stop?x=1>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Auto-Submitted": "auto-generated",
        "MIME-Version": "1.0",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
    }


@pytest.mark.parametrize(
    "address",
    [
        "a@b.com, c@d.com",
        "a@b.com\r\nBcc: c@d.com",
        "a@b.com\nX: y",
        "Ada <a@b.com>",
        "a b@c.com",
        "a@b.com(c@d.com)",
        "a;c@d.com",
        "a\u2028@b.com",
        "a\u202e@b.com",
        '"a\\" "@b.com',
        "a@b@c.com",
        "a@",
        "@b.com",
        "a",
        "",
    ],
)
def test_a_recipient_is_one_address_and_nothing_else(address: str) -> None:
    with pytest.raises(MailRefusedError):
        to_message(Mail(address, "x", ""), SENDER, NOW)


@pytest.mark.parametrize("address", ["o'neil+x@example.com", "josé@exámple.com", "a@localhost"])
def test_addresses_with_unusual_letters_are_kept(address: str) -> None:
    assert to_message(Mail(address, "x", ""), SENDER, NOW)["To"] == address


@pytest.mark.parametrize("text", ["x\r\nBcc: a@b.com", "x\nBcc: a@b.com", "x\rBcc: a@b.com", "x\u2028Bcc: a@b.com"])
@pytest.mark.parametrize("field", ["subject", "unsubscribe_url", "id"])
def test_no_text_adds_a_header(field: str, text: str) -> None:
    mail = {
        "subject": Mail("a@b.com", text, ""),
        "unsubscribe_url": Mail("a@b.com", "x", "", unsubscribe_url=text),
        "id": Mail("a@b.com", "x", "", id=text),
    }[field]
    try:
        message = read_message(to_message(mail, SENDER, NOW).as_bytes())
    except MailRefusedError:
        return

    assert "bcc" not in message
