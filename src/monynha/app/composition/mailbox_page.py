"""The pages below `/dev/mail`: every mail that the program has sent in development, as HTML, as text, with headers.

A mail may contain a link that signs its reader in, so there are no such pages in production, and pages of other
sites cannot reach them through a name that they let point to this machine (DNS rebinding).
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from html import escape
from urllib.parse import urlsplit

from monynha.app.composition.page_template import PageTemplate, page_headers
from monynha.core.errors import NotFoundError
from monynha.core.settings.settings import Settings
from monynha.infra.mail.mailbox import Mailbox, MailHeaders, StoredMail
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response
from monynha.protocols.http.router import Route, RouteGroup

PATH = "/dev/mail"
MAX_LISTED = 200
_MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
"""Of the HTML of a mail, whose styles are its own; links open in a new tab."""
_SOURCE_POLICY = "default-src 'none'; sandbox"
_NOT_STORED: Headers = ((b"cache-control", b"no-store"),)
_PAGE = PageTemplate("mailbox.html", "frame-src 'self'; form-action 'none'")


@dataclass(frozen=True)
class MailboxPages:
    """The list of mails, the page of each, and its HTML and source."""

    mailbox: Mailbox
    site_host: str

    @classmethod
    def from_settings(cls, settings: Settings) -> MailboxPages | None:
        """Return the pages, or None in production."""
        if settings.is_production:
            return None
        return cls(Mailbox(settings.mail_dir), urlsplit(settings.site_url).hostname or "")

    @property
    def route_group(self) -> RouteGroup:
        """The routes."""
        return RouteGroup(
            PATH,
            (
                Route("GET", "", self.show_list),
                Route("GET", "/{id}", self.show_mail),
                Route("GET", "/{id}/html", self.show_html),
                Route("GET", "/{id}/source", self.show_source),
            ),
        )

    async def show_list(self, request: Request) -> Response:
        """Answer with the list of the newest mails."""
        self._require_own_host(request)
        mails = await self.mailbox.newest(MAX_LISTED)
        items = "".join(_list_item(mail) for mail in mails)
        mails_html = f"<ol>{items}</ol>" if mails else '<p class="empty">No mail has been sent yet.</p>'
        note = f"<p>Every mail of this program in development, newest first, at most {MAX_LISTED}.</p>"
        return _PAGE.respond(title="Mail", html=f"<h1>Mail</h1>{note}{mails_html}")

    async def show_mail(self, request: Request) -> Response:
        """Answer with the page of one mail."""
        mail = await self._require_mail(request)
        return _PAGE.respond(title=mail.headers.get("subject"), html=_mail_html(mail))

    async def show_html(self, request: Request) -> Response:
        """Answer with the HTML of a mail, which may neither run scripts nor load anything."""
        mail = await self._require_mail(request)
        return Response(200, mail.html.encode(), page_headers("text/html; charset=utf-8", _MAIL_POLICY) + _NOT_STORED)

    async def show_source(self, request: Request) -> Response:
        """Answer with the mail as it was sent."""
        mail = await self._require_mail(request)
        return Response(200, mail.content, page_headers("text/plain; charset=utf-8", _SOURCE_POLICY) + _NOT_STORED)

    async def _require_mail(self, request: Request) -> StoredMail:
        self._require_own_host(request)
        mail = await self.mailbox.read(request.path_params["id"])
        if mail is None:
            raise NotFoundError("There is no such mail.")
        return mail

    def _require_own_host(self, request: Request) -> None:
        host = _host_name(request.header(b"host") or "")
        if host not in ("localhost", self.site_host) and not _is_ip_address(host):
            raise NotFoundError("This path does not exist.")


def _list_item(mail: MailHeaders) -> str:
    return (
        f'<li><a href="{PATH}/{escape(mail.id)}"><strong>{escape(mail.get("subject"))}</strong>'
        f"<span>To {escape(mail.get('to'))}</span>{_time_html(mail)}</a></li>"
    )


def _time_html(mail: MailHeaders) -> str:
    try:
        sent_at = parsedate_to_datetime(mail.get("date"))
    except ValueError:
        return ""
    return f'<time datetime="{sent_at.isoformat()}">{sent_at:%d %b %H:%M:%S}</time>'


def _mail_html(mail: StoredMail) -> str:
    link = f"{PATH}/{escape(mail.headers.id)}"
    headers = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in mail.headers.headers)
    frames = (
        f'<h2>HTML</h2><iframe sandbox="allow-popups allow-popups-to-escape-sandbox" src="{link}/html" '
        'title="The mail as HTML"></iframe><h2>On a phone</h2><iframe class="phone" '
        f'sandbox="allow-popups allow-popups-to-escape-sandbox" src="{link}/html" '
        'title="The mail as HTML on a phone"></iframe>'
    )
    return (
        f'<p><a href="{PATH}">All mail</a></p><h1>{escape(mail.headers.get("subject"))}</h1>'
        f"<h2>Headers</h2><dl>{headers}</dl>{frames if mail.html else ''}"
        f'<h2>Text</h2><pre tabindex="0">{escape(mail.text)}</pre><p><a href="{link}/source">Source</a></p>'
    )


def _host_name(host: str) -> str:
    """Return the name or address in a `Host` header, empty if it is malformed."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_ip_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
