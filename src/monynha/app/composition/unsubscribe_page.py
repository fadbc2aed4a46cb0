"""The page behind the link in weekly reports that ends them: no sign-in, one click (RFC 8058).

A GET changes nothing, since mail programs and scanners open links by themselves. Mail programs that offer to
unsubscribe send the POST that the page's button sends.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from monynha.app.composition.page_template import PageTemplate
from monynha.core.locales import negotiate_locale
from monynha.domains.reports.unsubscriptions import PATH, UnsubscribeLinks, Unsubscriptions
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup

_PAGE: Final = PageTemplate("unsubscribe.html", "form-action 'self'")


@dataclass(frozen=True, slots=True)
class _Text:
    """What the page says in one of its states; `button` is empty where nothing can be done."""

    title: str
    text: str
    button: str = ""


_TEXTS: Final = {
    "en": {
        "offer": _Text("Stop weekly reports?", "You get one every Monday about the projects you own.", "Stop them"),
        "ended": _Text("You get no more weekly reports", "You can change your mind here.", "Send them again"),
        "restarted": _Text("You get weekly reports again", "The next one comes on Monday, if something has changed."),
        "invalid": _Text("This link is not valid", "Take the link from the last report that you got."),
    },
    "pt-BR": {
        "offer": _Text(
            "Parar os relatórios semanais?", "Você recebe um toda segunda-feira sobre os seus projetos.", "Parar"
        ),
        "ended": _Text(
            "Você não recebe mais relatórios semanais", "Aqui você pode mudar de ideia.", "Voltar a receber"
        ),
        "restarted": _Text(
            "Você voltou a receber relatórios semanais", "O próximo chega na segunda-feira, se algo tiver mudado."
        ),
        "invalid": _Text("Este link não é válido", "Use o link do último relatório que você recebeu."),
    },
}


@dataclass(frozen=True)
class UnsubscribePage:
    """The page in its states: what it offers, and what was done."""

    links: UnsubscribeLinks
    unsubscriptions: Unsubscriptions

    @property
    def route_group(self) -> RouteGroup:
        """The routes."""
        return RouteGroup(
            PATH,
            (
                Route("GET", "", self.offer),
                Route("POST", "", self.unsubscribe),
                Route("POST", "/undo", self.resubscribe),
            ),
        )

    async def offer(self, request: Request) -> Response:
        """Answer with the button that unsubscribes."""
        if self._owner_id(request) is None:
            return _respond(request, "invalid", status=404)
        return _respond(request, "offer", PATH)

    async def unsubscribe(self, request: Request) -> Response:
        """End the mails."""
        owner_id = self._owner_id(request)
        if owner_id is None:
            return _respond(request, "invalid", status=404)
        await self.unsubscriptions.unsubscribe(owner_id)
        return _respond(request, "ended", f"{PATH}/undo")

    async def resubscribe(self, request: Request) -> Response:
        """Restart the mails."""
        owner_id = self._owner_id(request)
        if owner_id is None:
            return _respond(request, "invalid", status=404)
        await self.unsubscriptions.resubscribe(owner_id)
        return _respond(request, "restarted")

    def _owner_id(self, request: Request) -> UUID | None:
        return self.links.owner_of(_token_of(request))


def _token_of(request: Request) -> str:
    return request.query_params.get("token", "")


def _respond(request: Request, state: str, action: str = "", *, status: int = 200) -> Response:
    locale = negotiate_locale(request.header(b"accept-language"))
    text = _TEXTS[locale][state]
    url = f"{action}?{urlencode({'token': _token_of(request)})}"
    form = f'<form method="post" action="{escape(url)}"><button>{escape(text.button)}</button></form>'
    return _PAGE.respond(status=status, lang=locale, title=text.title, text=text.text, html=form if text.button else "")
