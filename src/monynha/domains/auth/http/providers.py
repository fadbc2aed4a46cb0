"""Routes of signing in with a provider: the browser leaves by /authorize and returns to /callback."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlencode, urlsplit

from monynha.core.errors import AppError, BadRequestError
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import count_sign_in_attempt
from monynha.domains.auth.http.redirects import redirect_response
from monynha.domains.auth.http.request_body import client_info, requested_redirect
from monynha.domains.auth.http.responses import gotrue_error
from monynha.domains.auth.http.serializers import tokens_json
from monynha.domains.auth.providers.composition import CALLBACK_PATH
from monynha.domains.auth.providers.errors import BadOAuthCallbackError, BadOAuthStateError, OAuthError
from monynha.domains.auth.providers.flows import FLOW_TTL, Flow, new_token
from monynha.domains.auth.providers.provider import forwarded_parameters, parse_scopes
from monynha.domains.auth.providers.sign_in import AuthorizationResponse, ClientParameters
from monynha.domains.auth.services.sessions import IssuedSession
from monynha.domains.auth.services.verification import AuthorizationCode
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.protocols.http.cookies import CookieKind
from monynha.protocols.http.request import Request, parse_query_string
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Route

AUTHORIZE_PATH = "/auth/v1/authorize"
_AT_SITE = "at_site"
"""Marks a request that was sent on to the site's own address, so that it is sent on once."""
_COOKIE_NAME = "monynha_oauth"
_MAX_COOKIE_LENGTH = 100
_RETURNED = ("state", "code", "error", "error_description", "iss", "user")
_MAX_RETURNED_LENGTH = 4096
_MAX_FORM_BYTES = 32_768
_DENIED_CODES = ("signup_disabled", "user_banned", "provider_email_needs_verification")
_ERRORS_BY_STATUS = {
    400: "invalid_request",
    401: "unauthorized_client",
    403: "access_denied",
    503: "temporarily_unavailable",
}


@dataclass(frozen=True)
class ProviderRoutes:
    """Routes that a browser visits."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/authorize", self._authorize),
            Route("GET", "/callback", self._callback),
            Route("POST", "/callback", self._callback_by_form),
        )

    async def _authorize(self, request: Request) -> Response:
        if request.method == "HEAD":
            # What previews links must not begin anything.
            return Response(200)
        if self._is_elsewhere(request):
            # The cookie has to be that of the site, to which the provider sends the browser back.
            query = request.scope["query_string"].decode("ascii", "replace")
            return redirect_response(f"{self._site_url}{AUTHORIZE_PATH}?{query}", query={_AT_SITE: "1"}, status=302)
        return await count_sign_in_attempt(self.auth, request, None, partial(self._begin, request))

    async def _begin(self, request: Request) -> Response:
        request.is_read = False
        query_params = request.query_params
        client = client_parameters(query_params)
        browser = _browser(request, self._cookie) or new_token()
        if ticket := query_params.get("ticket"):
            url = await self.auth.providers.begin_linking(ticket[:_MAX_COOKIE_LENGTH], client, browser)
        else:
            flow = requested_flow(self.auth, request)
            url = await self.auth.providers.begin(flow, client, browser)
        cookie = self._cookie.write(browser, int(FLOW_TTL.total_seconds()))
        headers = encode_headers(("Location", url), ("Cache-Control", "no-store"))
        return Response(302, b"", (*headers, cookie))

    async def _callback_by_form(self, request: Request) -> Response:
        """Turn a form that another site has posted (`response_mode=form_post`) into a GET.

        A browser does not send the cookie with the form, and sends it with the GET.
        """
        raw = await request.body()
        if len(raw) > _MAX_FORM_BYTES:
            raise BadRequestError("The form is too large.")
        return redirect_response(self._site_url + CALLBACK_PATH, query=_returned(parse_query_string(raw)))

    async def _callback(self, request: Request) -> Response:
        if request.method == "HEAD":
            return Response(200)
        # A GET that writes: it goes on when the browser has left, since its state is used up.
        request.is_read = False
        returned = _returned(request.query_params)
        state = returned.get("state", "")
        browser = _browser(request, self._cookie) or ""
        flow = await self.auth.providers.end(state, browser) if state else None
        if flow is None:
            error = BadOAuthStateError() if state else BadOAuthCallbackError()
            return _redirect_with_error(self._site_url, error)
        response = AuthorizationResponse(
            code=returned.get("code"),
            error=returned.get("error"),
            error_description=returned.get("error_description"),
            issuer=returned.get("iss"),
            user_json=returned.get("user"),
        )
        try:
            result = await self.auth.providers.finish(flow, state, response, client_info(request))
        except AppError as error:
            return _redirect_with_error(flow.redirect_to, error)
        return self._redirect_with_result(flow.redirect_to, result)

    def _redirect_with_result(self, redirect_to: str, result: IssuedSession | AuthorizationCode) -> Response:
        if isinstance(result, AuthorizationCode):
            return redirect_response(redirect_to, query={"code": result.code})
        tokens = tokens_json(result, self.auth.clock().timestamp())
        fragment = {name: str(value) for name, value in tokens.items()}
        return redirect_response(redirect_to, fragment={**fragment, "sb": ""})

    @property
    def _site_url(self) -> str:
        return self.auth.mailer.links.site_url.rstrip("/")

    @property
    def _cookie(self) -> CookieKind:
        is_secure = self._site_url.startswith("https:")
        # A neighbouring domain cannot set a cookie with this prefix (RFC 6265bis §4.1.3.2).
        name = f"__Host-{_COOKIE_NAME}" if is_secure else _COOKIE_NAME
        return CookieKind(name, "/", is_secure, same_site="Lax")

    def _is_elsewhere(self, request: Request) -> bool:
        """Whether the browser has called the program by another name than that of the site."""
        host = request.header(b"host")
        is_at_site = host is None or host.lower() == urlsplit(self._site_url).netloc.lower()
        return not is_at_site and b"at_site=" not in request.scope["query_string"]


def requested_flow(auth: AuthServices, request: Request) -> Flow:
    """Return the visit that a client requests; raise an AuthError for a provider that is not on, or a bad challenge."""
    query_params = request.query_params
    provider = query_params.get("provider", "")
    auth.providers.require(provider)
    challenge = PkceChallenge.parse(query_params.get("code_challenge"), query_params.get("code_challenge_method"))
    return Flow(provider, auth.mailer.redirects.resolve(requested_redirect(request)), challenge)


def client_parameters(query_params: dict[str, str]) -> ClientParameters:
    """Return what a client adds to the request to the provider."""
    return ClientParameters(parse_scopes(query_params.get("scopes", "")), forwarded_parameters(query_params))


def authorize_url(site_url: str, ticket: str, query_params: dict[str, str]) -> str:
    """Return the URL with which a browser begins to add a provider."""
    scopes = {"scopes": query_params["scopes"]} if query_params.get("scopes") else {}
    query = urlencode({"ticket": ticket, **scopes, **forwarded_parameters(query_params)})
    return f"{site_url.rstrip('/')}{AUTHORIZE_PATH}?{query}"


def _browser(request: Request, cookie: CookieKind) -> str | None:
    """Return the value of the browser's cookie; None if there is none, or more than one."""
    values = cookie.read_all(request)
    return values[0] if len(values) == 1 and 0 < len(values[0]) <= _MAX_COOKIE_LENGTH else None


def _returned(params: dict[str, str]) -> dict[str, str]:
    return {name: params[name] for name in _RETURNED if 0 < len(params.get(name, "")) <= _MAX_RETURNED_LENGTH}


def _redirect_with_error(redirect_to: str, error: AppError) -> Response:
    status, code, message = gotrue_error(error)
    if isinstance(error, OAuthError):
        params = {"error": error.error, "error_description": message}
    else:
        is_denied = code in _DENIED_CODES
        word = "access_denied" if is_denied else _ERRORS_BY_STATUS.get(status, "server_error")
        params = {"error": word, "error_code": code, "error_description": message}
    # PKCE clients read the query, the others the fragment.
    return redirect_response(redirect_to, query=params, fragment={**params, "sb": ""})
