"""The mailbox of development: every mail can be read there, none of them can do anything, and nobody else reads it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest

from monynha.app.composition.mailbox_page import MailboxPages
from monynha.core.settings.settings import Settings
from monynha.infra.mail import FolderMailer, Mail
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.router import Router

pytestmark = pytest.mark.anyio
HOSTILE = "<script>alert(1)</script>"


@dataclass
class MailboxClient:
    """A client of the pages, and the folder of their mails."""

    http: httpx.AsyncClient
    mailer: FolderMailer

    async def get(self, path: str = "", host: str = "127.0.0.1:8000") -> httpx.Response:
        """Open a page below /dev/mail."""
        return await self.http.get(f"/dev/mail{path}", headers={"host": host})

    async def link(self) -> str:
        """Return the link of the first mail in the list, below /dev/mail."""
        links = re.findall(r'href="/dev/mail(/[^"]+)"', (await self.get()).text)
        return str(links[0])


@pytest.fixture
async def mailbox(tmp_path: Path) -> AsyncIterator[MailboxClient]:
    """Return the pages of a development server with an empty mailbox."""
    settings = replace(Settings.read({"SITE_URL": "https://board.example.org"}), data_dir=tmp_path)
    pages = MailboxPages.from_settings(settings)
    assert pages is not None
    application = HttpApplication(Router([pages.route_group]), CorsPolicy())
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as http:
        yield MailboxClient(http, FolderMailer(settings.mail_dir))


async def test_a_mail_is_shown_with_its_headers_its_text_and_its_html(mailbox: MailboxClient) -> None:
    await mailbox.mailer.send(Mail("ada@example.com", "Olá", "the text\n", "<p>the html</p>", id="3f1c"))

    listing, link = await mailbox.get(), await mailbox.link()
    page, html, source = [await mailbox.get(link + part) for part in ("", "/html", "/source")]

    assert "Olá" in listing.text
    assert "To ada@example.com" in listing.text
    assert "<dt>Message-ID</dt><dd>&lt;3f1c@localhost&gt;</dd>" in page.text
    assert "the text\n</pre>" in page.text
    assert f'src="/dev/mail{link}/html"' in page.text
    assert html.text.strip() == "<p>the html</p>"
    assert source.headers["content-type"] == "text/plain; charset=utf-8"
    assert "Message-ID: <3f1c@localhost>" in source.text


async def test_an_empty_mailbox_says_so(mailbox: MailboxClient) -> None:
    assert "No mail has been sent yet." in (await mailbox.get()).text


async def test_what_a_mail_contains_is_text_on_the_pages(mailbox: MailboxClient) -> None:
    await mailbox.mailer.send(Mail("ada@example.com", HOSTILE, HOSTILE, "<p>x</p>", unsubscribe_url="https://x/<b>"))

    pages = [await mailbox.get(), await mailbox.get(await mailbox.link())]

    assert all("&lt;script&gt;" in page.text for page in pages)
    assert [re.findall(r"<script|<b>", page.text) for page in pages] == [[], []]


async def test_the_pages_run_no_script_and_a_mail_loads_nothing(mailbox: MailboxClient) -> None:
    await mailbox.mailer.send(Mail("ada@example.com", "x", "x", "<script>alert(1)</script>"))

    link = await mailbox.link()
    listing, page, html = [await mailbox.get(path) for path in ("", link, f"{link}/html")]

    for response in (listing, page):
        policy = response.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'sha256-")
        assert "script" not in policy
    assert html.headers["content-security-policy"] == (
        "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    frames = re.findall(r"<iframe [^>]*>", page.text)
    assert frames
    assert all('sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame for frame in frames)
    assert {response.headers["cache-control"] for response in (listing, page, html)} == {"no-store"}


@pytest.mark.parametrize("path", ["/absent", "/..%2f..%2fsecrets", "/absent/html", "/absent/source", "/a/b/c"])
async def test_a_mail_that_does_not_exist_is_not_found(mailbox: MailboxClient, path: str) -> None:
    assert (await mailbox.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1", 200),
        ("[::1]:8000", 200),
        ("192.168.0.7:8000", 200),
        ("board.example.org", 200),
        ("evil.example:8000", 404),
        ("127.0.0.1.evil.example", 404),
        ("evil.example@127.0.0.1.evil.example", 404),
        ("", 404),
        ("[", 404),
    ],
)
async def test_a_name_that_others_point_to_this_machine_reaches_no_mail(
    mailbox: MailboxClient, host: str, status: int
) -> None:
    await mailbox.mailer.send(Mail("ada@example.com", "x", "x"))
    link = await mailbox.link()

    assert [(await mailbox.get(path, host)).status_code for path in ("", link, f"{link}/source")] == [status] * 3


def test_production_has_no_mailbox() -> None:
    assert MailboxPages.from_settings(replace(Settings.read({}), app_env="production")) is None
