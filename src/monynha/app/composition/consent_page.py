"""The page that asks people whether an application may act for them (`/oauth/consent`), without any script.

Whoever is not signed in there signs in first, for an hour, by a cookie of the page's own: the application's page
leads here, so that a cookie for this site alone would not be sent. Every form carries a token that only this page
knows in this browser, no other page may show it in a frame, and only the person who was asked can answer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Final
from urllib.parse import urlencode, urlsplit

from monynha.app.composition.consent_markup import (
    FormContext,
    client_name,
    code_markup,
    factor_markup,
    form_policy,
    gone_markup,
    question_markup,
    sign_in_markup,
)
from monynha.app.composition.consent_texts import CONSENT_TEXTS, ConsentTexts
from monynha.app.composition.page_template import PageTemplate
from monynha.core.errors import AppError, RateLimitedError
from monynha.core.locales import negotiate_locale
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import (
    AuthError,
    BannedAtSignInError,
    EmailNotConfirmedError,
    InvalidAuthRequestError,
    OtpExpiredError,
)
from monynha.domains.auth.http.providers import AUTHORIZE_PATH
from monynha.domains.auth.http.request_body import client_info
from monynha.domains.auth.oauth_server.authorization_service import Approver, PendingAuthorization, Redirect
from monynha.domains.auth.oauth_server.composition import CONSENT_PATH
from monynha.domains.auth.oauth_server.consent_factors import ConsentFactors
from monynha.domains.auth.oauth_server.consent_sessions import TTL, BrowserState, ConsentUser
from monynha.domains.auth.providers.catalog import display_name
from monynha.domains.auth.services.sessions import IssuedSession
from monynha.domains.auth.services.verification import TokenEmailRequest
from monynha.domains.auth.tokens.one_time_tokens import s256_challenge
from monynha.protocols.http.cookies import CookieKind
from monynha.protocols.http.request import Request, parse_query_string
from monynha.protocols.http.response import Headers, Response, encode_headers
from monynha.protocols.http.router import Handler, Route, RouteGroup

_PAGE: Final = PageTemplate("consent.html", "form-action 'self'", referrer="same-origin")


@dataclass(frozen=True)
class _Visit:
    """One request: what it is about, and the browser that it comes from."""

    request: Request
    texts: ConsentTexts
    locale: str
    state: BrowserState
    params: Mapping[str, str]

    @property
    def authorization_id(self) -> str:
        return self.params.get("authorization_id", "")


@dataclass(frozen=True)
class ConsentPage:
    """The page in its states: sign in, enter a code, decide."""

    auth: AuthServices
    site_url: str

    @property
    def route_group(self) -> RouteGroup:
        """The routes."""
        return RouteGroup(
            CONSENT_PATH,
            (
                Route("GET", "", self._handler(self._show)),
                Route("POST", "", self._handler(self._decide)),
                Route("POST", "/sign-in", self._handler(self._sign_in)),
                Route("GET", "/callback", self._handler(self._return_from_provider)),
                Route("POST", "/factor", self._handler(self._verify_factor)),
                Route("POST", "/sign-out", self._handler(self._sign_out)),
            ),
        )

    def _handler(self, handle: Callable[[_Visit], Awaitable[Response]]) -> Handler:
        return partial(self._respond, handle)

    async def _respond(self, handle: Callable[[_Visit], Awaitable[Response]], request: Request) -> Response:
        """Answer with a page, whatever is wrong."""
        locale = negotiate_locale(request.header(b"accept-language"))
        is_form = request.method == "POST"
        params = parse_query_string(await request.body()) if is_form else request.query_params
        visit = _Visit(request, CONSENT_TEXTS[locale], locale, self._state_of(request), params)
        try:
            if not is_form:
                return await handle(visit)
            pending = await self.auth.oauth_server.authorizations.describe(visit.authorization_id)
            if not self._is_own_form(visit):
                return await self._ask(visit, pending, error="form", status=403)
            return await handle(visit)
        except AuthError as error:
            return self._page(visit, visit.texts.gone_title, gone_markup(visit.texts), status=error.status)

    async def _show(self, visit: _Visit) -> Response:
        pending = await self.auth.oauth_server.authorizations.describe(visit.authorization_id)
        return await self._ask(visit, pending)

    async def _ask(
        self, visit: _Visit, pending: PendingAuthorization, *, error: str = "", status: int = 200
    ) -> Response:
        """Ask for consent; whoever is not signed in is asked to sign in first."""
        user = await self.auth.oauth_server.consent_sessions.find_user(visit.state)
        if user is None:
            return self._sign_in_page(visit, pending, error=error, status=status)
        if self._factors.can_confirm(user):
            return self._factor_page(visit, pending, error=error, status=status)
        result = await self.auth.oauth_server.authorizations.open(visit.authorization_id, _approver(user))
        if isinstance(result, Redirect):
            return self._redirect(visit, result.url)
        markup = question_markup(
            visit.texts, result, self._form(visit), user.account, error=visit.texts.errors[error] if error else ""
        )
        title = visit.texts.consent_title.format(client=client_name(result.client, visit.texts))
        return self._page(visit, title, markup, pending=result, status=status)

    async def _decide(self, visit: _Visit) -> Response:
        authorizations = self.auth.oauth_server.authorizations
        user = await self.auth.oauth_server.consent_sessions.find_user(visit.state)
        if user is None or self._factors.can_confirm(user):
            return await self._show(visit)
        match visit.params.get("action"):
            case "approve":
                redirect = await authorizations.approve(visit.authorization_id, _approver(user))
            case "deny":
                redirect = await authorizations.deny(visit.authorization_id, _approver(user))
            case _:
                return await self._show(visit)
        return self._redirect(visit, redirect.url)

    async def _return_from_provider(self, visit: _Visit) -> Response:
        pending = await self.auth.oauth_server.authorizations.describe(visit.authorization_id)
        sessions = self.auth.oauth_server.consent_sessions
        try:
            # Only this browser has the verifier: a code that somebody else sends here signs nobody in.
            session = await self.auth.verification.exchange_code(
                visit.params.get("code", ""), sessions.verifier(visit.state), client_info(visit.request)
            )
        except AuthError as error:
            return self._sign_in_page(visit, pending, error="provider", status=error.status)
        return self._reload(visit, await sessions.begin(session))

    def _provider_urls(self, visit: _Visit) -> dict[str, str]:
        """Return where one signs in with each provider, to come back here with a code (RFC 7636)."""
        verifier = self.auth.oauth_server.consent_sessions.verifier(visit.state)
        callback = f"{CONSENT_PATH}/callback?{urlencode({'authorization_id': visit.authorization_id})}"
        query = {
            "redirect_to": f"{self.site_url.rstrip('/')}{callback}",
            "code_challenge": s256_challenge(verifier),
            "code_challenge_method": "s256",
        }
        return {
            display_name(name): f"{AUTHORIZE_PATH}?{urlencode({'provider': name, **query})}"
            for name in self.auth.providers.names
        }

    async def _verify_factor(self, visit: _Visit) -> Response:
        pending = await self.auth.oauth_server.authorizations.describe(visit.authorization_id)
        user = await self.auth.oauth_server.consent_sessions.find_user(visit.state)
        if user is None or not self._factors.can_confirm(user):
            return await self._show(visit)
        try:
            await self.auth.rate_limits.count_sign_in(visit.request.client_ip, str(user.account.id))
            await self._factors.confirm(user, visit.params.get("code", ""), client_info(visit.request))
        except AppError as error:
            key = "limited" if isinstance(error, RateLimitedError) else "code"
            return self._factor_page(visit, pending, error=key, status=error.status, cause=error)
        return self._reload(visit, visit.state)

    @property
    def _factors(self) -> ConsentFactors:
        return ConsentFactors(self.auth.second_factors)

    async def _sign_out(self, visit: _Visit) -> Response:
        sessions = self.auth.oauth_server.consent_sessions
        user = await sessions.find_user(visit.state)
        if user is not None:
            await self.auth.oauth_server.authorizations.release(visit.authorization_id, _approver(user))
            await sessions.end(user)
        return self._reload(visit, sessions.new_state())

    async def _sign_in(self, visit: _Visit) -> Response:
        pending = await self.auth.oauth_server.authorizations.describe(visit.authorization_id)
        email, action = visit.params.get("email", "").strip(), visit.params.get("action", "")
        if action not in ("password", "code", "verify"):
            return self._sign_in_page(visit, pending, email=email)
        if not email:
            return self._sign_in_page(visit, pending, error="email", status=400)
        try:
            await self.auth.rate_limits.count_sign_in(visit.request.client_ip, email)
            if action == "code":
                await self._send_code(visit, email)
                return self._code_page(visit, pending, email)
            session = await self._authenticate(visit, email, action)
        except AppError as error:
            page = self._code_page if action == "verify" else self._sign_in_page
            return page(visit, pending, email=email, error=_error_key(error), status=error.status, cause=error)
        return self._reload(visit, await self.auth.oauth_server.consent_sessions.begin(session))

    async def _authenticate(self, visit: _Visit, email: str, action: str) -> IssuedSession:
        client = client_info(visit.request)
        if action == "password":
            return await self.auth.sign_in.sign_in(email, visit.params.get("password", ""), client)
        code = visit.params.get("code", "").strip()
        result = await self.auth.verification.verify_code(email, code, "email", client)
        if not isinstance(result, IssuedSession):
            raise OtpExpiredError()
        return result

    async def _send_code(self, visit: _Visit, email: str) -> None:
        await self.auth.rate_limits.count_email(email)
        await self.auth.verification.send_magic_link(TokenEmailRequest(email, locale=visit.locale))

    def _sign_in_page(
        self,
        visit: _Visit,
        pending: PendingAuthorization,
        *,
        email: str = "",
        error: str = "",
        status: int = 200,
        cause: AppError | None = None,
    ) -> Response:
        message = _error_text(visit.texts, error, cause)
        providers = self._provider_urls(visit)
        markup = sign_in_markup(
            visit.texts, pending, self._form(visit), providers=providers, email=email, error=message
        )
        return self._page(visit, visit.texts.sign_in_title, markup, pending=pending, status=status)

    def _code_page(
        self,
        visit: _Visit,
        pending: PendingAuthorization,
        email: str,
        *,
        error: str = "",
        status: int = 200,
        cause: AppError | None = None,
    ) -> Response:
        message = _error_text(visit.texts, error, cause)
        markup = code_markup(visit.texts, pending, self._form(visit), email=email, error=message)
        return self._page(visit, visit.texts.code_title, markup, pending=pending, status=status)

    def _factor_page(
        self,
        visit: _Visit,
        pending: PendingAuthorization,
        *,
        error: str = "",
        status: int = 200,
        cause: AppError | None = None,
    ) -> Response:
        message = _error_text(visit.texts, error, cause)
        markup = factor_markup(visit.texts, pending, self._form(visit), error=message)
        return self._page(visit, visit.texts.factor_title, markup, pending=pending, status=status)

    def _page(
        self, visit: _Visit, title: str, markup: str, *, pending: PendingAuthorization | None = None, status: int = 200
    ) -> Response:
        return _PAGE.respond(
            status=status,
            html=markup,
            # A form that ends at the application is stopped by browsers unless the policy names it.
            policy=form_policy(pending.authorization.redirect_uri) if pending else "",
            headers=self._cookie_headers(visit.state),
            lang=visit.locale,
            title=title,
            site=urlsplit(self.site_url).netloc,
        )

    def _reload(self, visit: _Visit, state: BrowserState) -> Response:
        location = f"{CONSENT_PATH}?{urlencode({'authorization_id': visit.authorization_id})}"
        return Response(303, b"", (*encode_headers(("Location", location)), *self._cookie_headers(state)))

    def _redirect(self, visit: _Visit, url: str) -> Response:
        headers = encode_headers(("Location", url), ("Cache-Control", "no-store"), ("Referrer-Policy", "no-referrer"))
        return Response(303, b"", (*headers, *self._cookie_headers(visit.state)))

    def _form(self, visit: _Visit) -> FormContext:
        token = self.auth.oauth_server.consent_sessions.form_token(visit.state, visit.authorization_id)
        return FormContext(CONSENT_PATH, visit.authorization_id, token)

    def _is_own_form(self, visit: _Visit) -> bool:
        """Whether a form was sent by this page, in this browser (RFC 6749 §10.12)."""
        parts = urlsplit(self.site_url)
        origin = visit.request.header(b"origin")
        if origin is not None and origin != f"{parts.scheme}://{parts.netloc}":
            return False
        token = visit.params.get("form_token", "")
        return self.auth.oauth_server.consent_sessions.is_form_token(token, visit.state, visit.authorization_id)

    def _state_of(self, request: Request) -> BrowserState:
        sessions = self.auth.oauth_server.consent_sessions
        states = (sessions.decode(value) for value in self._cookie.read_all(request))
        return next((state for state in states if state), None) or sessions.new_state()

    @property
    def _cookie(self) -> CookieKind:
        is_secure = self.site_url.startswith("https:")
        # The prefix keeps other sites of the domain from writing it (RFC 6265bis §4.1.3.2); it needs TLS.
        name = "__Host-monynha_consent" if is_secure else "monynha_consent"
        return CookieKind(name, "/", is_secure, same_site="Lax")

    def _cookie_headers(self, state: BrowserState) -> Headers:
        value = self.auth.oauth_server.consent_sessions.encode(state)
        return (self._cookie.write(value, int(TTL.total_seconds())),)


def _approver(user: ConsentUser) -> Approver:
    return Approver(user.account.id, user.session_id)


def _error_key(error: AppError) -> str:
    match error:
        case RateLimitedError():
            return "limited"
        case EmailNotConfirmedError():
            return "unconfirmed"
        case BannedAtSignInError():
            return "banned"
        case OtpExpiredError():
            return "code"
        case InvalidAuthRequestError():
            return "email"
        case AuthError():
            return "credentials"
        case _:
            raise error


def _error_text(texts: ConsentTexts, key: str, cause: AppError | None) -> str:
    if not key:
        return ""
    retry_after_s = cause.details.get("retryAfter") if cause else None
    minutes = ceil(retry_after_s / 60) if isinstance(retry_after_s, int) else 1
    return texts.errors[key].format(minutes=minutes)
