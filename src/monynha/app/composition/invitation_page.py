"""The page behind the link in an invitation: what one is invited to, and forms to join it or to decline.

A GET changes nothing, since mail programs and scanners open links by themselves. There is no script and no cookie:
each form carries the token of the link.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlencode

from monynha.app.composition.page_template import PageTemplate
from monynha.core.errors import AppError, BadRequestError, RateLimitedError
from monynha.core.locales import negotiate_locale
from monynha.domains.auth.errors import InvalidCredentialsError, SignUpDisabledError, WeakPasswordError
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.invitations.tokens import PAGE_PATH
from monynha.domains.invitations.visits import InvitationVisits, VisitedInvitation
from monynha.protocols.http.request import Request, parse_query_string
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route, RouteGroup

_PAGE: Final = PageTemplate("invitation.html", "form-action 'self'")
_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_TEXTS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "title": "Join {project}",
        "invited": "{inviter} invites you to this project {role}.",
        "invited by nobody": "You are invited to this project {role}.",
        "viewer": "as a viewer",
        "member": "as a member",
        "admin": "as an admin",
        "account": "The invitation is for {email}.",
        "name": "Your name",
        "password": "Password",
        "sign up": "Create account and join",
        "sign in": "Sign in and join",
        "decline": "Decline",
        "joined": "You have joined {project}",
        "joined text": "Sign in with {email} wherever you use Monynha.",
        "confirm": "Confirm your address",
        "confirm text": "We have sent a mail to {email}. Its link leads back here, where you join {project}.",
        "declined": "You have declined the invitation",
        "declined text": "Whoever invited you sees that. You can close this page.",
        "invalid": "This link is not valid",
        "invalid text": "Take the link from the last mail that invited you, or ask for a new invitation.",
        "accepted": "You have joined already",
        "accepted text": "Sign in to see the project.",
        "revoked": "The invitation was withdrawn",
        "revoked text": "Ask whoever invited you.",
        "expired": "The invitation has expired",
        "expired text": "Ask whoever invited you to send it again.",
        "wrong password": "The password is not right.",
        "too many": "Too many attempts. Please try again later.",
        "weak": "The password {problem}.",
        "closed": "Nobody can create an account here at present.",
        "home": "Continue",
    },
    "pt-BR": {
        "title": "Participe de {project}",
        "invited": "{inviter} convidou você para este projeto {role}.",
        "invited by nobody": "Você recebeu um convite para este projeto {role}.",
        "viewer": "como observador",
        "member": "como membro",
        "admin": "como administrador",
        "account": "O convite é para {email}.",
        "name": "Seu nome",
        "password": "Senha",
        "sign up": "Criar conta e participar",
        "sign in": "Entrar e participar",
        "decline": "Recusar",
        "joined": "Você agora participa de {project}",
        "joined text": "Entre com {email} onde você usa o Monynha.",
        "confirm": "Confirme seu endereço",
        "confirm text": "Enviamos um e-mail para {email}. O link nele traz você de volta para participar de {project}.",
        "declined": "Você recusou o convite",
        "declined text": "Quem convidou você verá isso. Você pode fechar esta página.",
        "invalid": "Este link não é válido",
        "invalid text": "Use o link do último e-mail de convite, ou peça um novo convite.",
        "accepted": "Você já participa",
        "accepted text": "Entre para ver o projeto.",
        "revoked": "O convite foi retirado",
        "revoked text": "Fale com quem convidou você.",
        "expired": "O convite expirou",
        "expired text": "Peça a quem convidou você que o envie de novo.",
        "wrong password": "A senha não está correta.",
        "too many": "Tentativas demais. Tente de novo mais tarde.",
        "weak": "Escolha outra senha ({problem}).",
        "closed": "No momento, ninguém pode criar uma conta aqui.",
        "home": "Continuar",
    },
}


@dataclass(frozen=True)
class InvitationPage:
    """The page in its states: the invitation with its forms, and what was done."""

    visits: InvitationVisits

    @property
    def route_group(self) -> RouteGroup:
        """The routes."""
        return RouteGroup(
            PAGE_PATH,
            (
                Route("GET", "", self.show),
                Route("POST", "/sign-up", self.sign_up),
                Route("POST", "/sign-in", self.sign_in),
                Route("POST", "/decline", self.decline),
            ),
        )

    async def show(self, request: Request) -> Response:
        """Answer with the invitation."""
        page = _View(request)
        return page.render(await self.visits.find(page.token))

    async def sign_up(self, request: Request) -> Response:
        """Create an account for the invited address, and join."""

        async def join(invitation: VisitedInvitation, form: dict[str, str], client: ClientInfo) -> str:
            name, password = form.get("name", ""), form.get("password", "")
            has_joined = await self.visits.sign_up(invitation, _token_of(request), name, password, client)
            return "joined" if has_joined else "confirm"

        return await self._join(request, join)

    async def sign_in(self, request: Request) -> Response:
        """Join with the account of the invited address."""

        async def join(invitation: VisitedInvitation, form: dict[str, str], client: ClientInfo) -> str:
            await self.visits.sign_in(invitation, _token_of(request), form.get("password", ""), client)
            return "joined"

        return await self._join(request, join)

    async def decline(self, request: Request) -> Response:
        """Decline the invitation."""
        page = _View(request)
        if await self.visits.decline(page.token):
            return page.message("declined")
        return page.render(await self.visits.find(page.token))

    async def _join(
        self, request: Request, join: Callable[[VisitedInvitation, dict[str, str], ClientInfo], Awaitable[str]]
    ) -> Response:
        page = _View(request)
        invitation = await self.visits.find(page.token)
        if invitation is None or not invitation.is_pending:
            return page.render(invitation)
        form = await _read_form(request)
        client = ClientInfo(request.client_ip, request.header(b"user-agent") or "", page.locale)
        try:
            state = await join(invitation, form, client)
        except AppError as error:
            if error.status >= 500:
                raise
            return page.render(invitation, error=error, name=form.get("name", ""))
        return page.message(state, invitation)


class _View:
    """Renders the page in the language of a request."""

    def __init__(self, request: Request) -> None:
        self.locale = negotiate_locale(request.header(b"accept-language"))
        self.token = _token_of(request)
        self._texts = _TEXTS[self.locale]

    def render(
        self, invitation: VisitedInvitation | None, *, error: AppError | None = None, name: str = ""
    ) -> Response:
        """Return the page of an invitation, with its forms while it is open."""
        if invitation is None:
            return self.message("invalid", status=404)
        if not invitation.is_pending:
            return self.message(invitation.status)
        invited = "invited" if invitation.inviter else "invited by nobody"
        text = " ".join((self._text(invited, invitation), self._text("account", invitation)))
        problem = f'<p class="error" role="alert">{escape(self._problem(error))}</p>' if error else ""
        forms = self._sign_in_form(invitation) if invitation.is_registered else self._sign_up_form(invitation, name)
        decline = f'{self._form("decline")}<button class="quiet">{escape(self._texts["decline"])}</button></form>'
        return _PAGE.respond(
            status=error.status if error else 200,
            lang=self.locale,
            title=self._text("title", invitation),
            text=text,
            html=problem + forms + decline,
        )

    def message(self, state: str, invitation: VisitedInvitation | None = None, *, status: int = 200) -> Response:
        """Return the page that says what was done, or why nothing can be."""
        link = f'<p><a href="/">{escape(self._texts["home"])}</a></p>'
        return _PAGE.respond(
            status=status,
            lang=self.locale,
            title=self._text(state, invitation),
            text=self._text(f"{state} text", invitation),
            html=link if state in ("joined", "accepted") else "",
        )

    def _sign_up_form(self, invitation: VisitedInvitation, name: str) -> str:
        name_field = self._field("name", "text", "name", value=name)
        password_field = self._field("password", "password", "new-password")
        return (
            f"{self._form('sign-up')}{self._username(invitation)}{name_field}{password_field}{self._button('sign up')}"
        )

    def _sign_in_form(self, invitation: VisitedInvitation) -> str:
        password_field = self._field("password", "password", "current-password")
        return f"{self._form('sign-in')}{self._username(invitation)}{password_field}{self._button('sign in')}"

    def _form(self, action: str) -> str:
        url = f"{PAGE_PATH}/{action}?{urlencode({'token': self.token})}"
        return f'<form method="post" action="{escape(url)}">'

    def _username(self, invitation: VisitedInvitation) -> str:
        # Password managers store what it says; it is not sent.
        return f'<input hidden type="email" autocomplete="username" value="{escape(invitation.email)}">'

    def _field(self, name: str, type: str, autocomplete: str, *, value: str = "") -> str:
        label = escape(self._texts[name])
        return (
            f'<label>{label}<input name="{name}" type="{type}" autocomplete="{autocomplete}" required maxlength="256" '
            f'value="{escape(value)}"></label>'
        )

    def _button(self, name: str) -> str:
        return f"<button>{escape(self._texts[name])}</button></form>"

    def _text(self, name: str, invitation: VisitedInvitation | None) -> str:
        text = self._texts[name]
        if invitation is None:
            return text
        # Replaced and not formatted: a name may hold braces.
        values = {
            "{project}": invitation.project,
            "{inviter}": invitation.inviter or "",
            "{role}": self._texts[invitation.role],
            "{email}": invitation.email,
        }
        return "".join(values.get(part, part) for part in _split_placeholders(text))

    def _problem(self, error: AppError) -> str:
        if isinstance(error, InvalidCredentialsError):
            return self._texts["wrong password"]
        if isinstance(error, RateLimitedError):
            return self._texts["too many"]
        if isinstance(error, SignUpDisabledError):
            return self._texts["closed"]
        if isinstance(error, WeakPasswordError):
            return self._texts["weak"].replace("{problem}", str(error.details["password"]))
        return error.message


def _split_placeholders(text: str) -> list[str]:
    parts: list[str] = []
    while text:
        before, brace, rest = text.partition("{")
        name, _, text = rest.partition("}")
        parts += [before, f"{{{name}}}"] if brace else [before]
    return parts


def _token_of(request: Request) -> str:
    return request.query_params.get("token", "")


async def _read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form; BadRequestError for another media type or a malformed body."""
    media_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
    if media_type != _FORM_TYPE:
        raise BadRequestError("Send the form of the page.")
    return parse_query_string(await request.body())
