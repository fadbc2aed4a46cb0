"""The consent page as a browser without scripts meets it: sign in, decide, and every abuse of both."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest

from monynha.app.composition.consent_page import ConsentPage
from monynha.core.settings.oauth_providers import OAuthProviderSettings
from monynha.core.settings.setting_types import Limit
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.application import HttpApplication
from monynha.protocols.http.cors import CorsPolicy
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.http.router import Router
from tests.domains.auth.conftest import PASSWORD, AuthApp, MakeAuthApp, make_auth_app
from tests.domains.auth.oauth_clients import REDIRECT_URI, Application, query_of
from tests.domains.auth.second_factors import FactorUser, claims_of

__all__ = ["make_auth_app"]
PATH = "/oauth/consent"


@dataclass
class Browser:
    """A browser without scripts, on the pages of the site."""

    auth_app: AuthApp
    http: httpx.AsyncClient
    page: httpx.Response | None = None

    async def visit(self, authorization_id: str, **headers: str) -> httpx.Response:
        """Open the page; redirects within the site are followed."""
        return await self._load("GET", f"{PATH}?authorization_id={authorization_id}", headers=headers)

    async def submit(self, path: str = PATH, *, origin: str | None = "", **fields: str) -> httpx.Response:
        """Submit the form of the page, with its hidden fields, as a browser does: naming its origin."""
        assert self.page is not None
        headers = {} if origin is None else {"origin": origin or self.auth_app.settings.site_url}
        data = {**hidden_fields(self.page), **fields}
        return await self._load("POST", path, data=data, headers=headers)

    async def sign_in(self, email: str, password: str = PASSWORD) -> httpx.Response:
        """Fill in the sign-in form."""
        return await self.submit(f"{PATH}/sign-in", action="password", email=email, password=password)

    async def return_to(self, path: str, code: str) -> httpx.Response:
        """Come back from a provider with a code."""
        return await self._load("GET", f"{path}&code={code}")

    async def _load(self, method: str, url: str, **options: Any) -> httpx.Response:
        response = await self.http.request(method, url, **options)
        while response.status_code == 303 and response.headers["location"].startswith("/"):
            response = await self.http.get(response.headers["location"])
        self.page = response
        return response


def hidden_fields(page: httpx.Response) -> dict[str, str]:
    pairs = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return {name: unescape(value) for name, value in pairs}


def title_of(page: httpx.Response) -> str:
    [title] = re.findall(r"<h1>(.*?)</h1>", page.text)
    return unescape(title)


def error_of(page: httpx.Response) -> str:
    return unescape(re.findall(r'role="alert">.*?<span>(.*?)</span>', page.text)[0])


@pytest.fixture
async def browser(make_auth_app: MakeAuthApp) -> AsyncIterator[Browser]:
    """Return a browser at a site whose authorization server is on."""
    auth_app = make_auth_app(autoconfirm=True, oauth_server=True, oauth_registration=True)
    async with open_browser(auth_app) as http:
        yield Browser(auth_app, http)


def open_browser(auth_app: AuthApp) -> httpx.AsyncClient:
    page = ConsentPage(auth_app.auth, auth_app.settings.site_url)
    application = HttpApplication(Router([page.route_group]), CorsPolicy(), shows_stack=False)
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=application), base_url=auth_app.settings.site_url)
    client.event_hooks = {"response": [auth_app.deliver_emails]}
    return client


async def test_a_person_signs_in_and_allows(browser: Browser) -> None:
    person = await browser.auth_app.sign_up(name="Ada Lovelace")
    application = await Application.register(browser.auth_app)

    first = await browser.visit(await application.start(scope="read email"))
    question = await browser.sign_in(person["user"]["email"])
    answer = await browser.submit(action="approve")
    tokens = await application.exchange(query_of(answer.headers["location"])["code"])

    assert title_of(first) == "Sign in"
    assert title_of(question) == "Allow Reports to use your account?"
    assert "Ada Lovelace" in question.text
    assert re.findall("<strong>(.*?)</strong><small>", question.text)[-2:] == [
        "See what you see",
        "See your email address",
    ]
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(f"{REDIRECT_URI}?code=")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert tokens.status_code == 200


async def test_who_does_not_allow_returns_with_an_error(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())
    await browser.sign_in(person["user"]["email"])

    answer = await browser.submit(action="deny")

    assert query_of(answer.headers["location"])["error"] == "access_denied"


async def test_who_is_signed_in_and_has_allowed_it_is_not_asked_again(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())
    await browser.sign_in(person["user"]["email"])
    await browser.submit(action="approve")

    again = await browser.visit(await application.start())

    assert again.headers["location"].startswith(f"{REDIRECT_URI}?code=")


async def test_a_person_without_a_password_signs_in_by_a_mailed_code(browser: Browser) -> None:
    auth_app = browser.auth_app
    person = await auth_app.sign_up()
    email = person["user"]["email"]
    application = await Application.register(auth_app)
    await browser.visit(await application.start(), **{"accept-language": "pt-BR"})

    asked_for = await browser.submit(f"{PATH}/sign-in", action="code", email=email, password="")
    code = auth_app.emails_to(email)[-1].code
    wrong = await browser.submit(f"{PATH}/sign-in", action="verify", code="000000" if code != "000000" else "1")
    question = await browser.submit(f"{PATH}/sign-in", action="verify", code=code)

    assert title_of(asked_for) == "Check your mail"
    assert (wrong.status_code, error_of(wrong)) == (403, "This code is wrong or has expired.")
    assert title_of(question).startswith("Allow")


async def test_an_unknown_address_is_answered_as_a_registered_one(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    pages = []
    for email in (person["user"]["email"], "nobody@example.com"):
        await browser.visit(await application.start())
        sent = await browser.submit(f"{PATH}/sign-in", action="code", email=email)
        await browser.visit(await application.start())
        refused = await browser.sign_in(email, "not the password")
        pages.append([(page.status_code, title_of(page)) for page in (sent, refused)])
        assert error_of(refused) == "Email and password do not match."

    assert pages[0] == pages[1] == [(200, "Check your mail"), (400, "Sign in")]


async def test_another_account_can_be_used(browser: Browser) -> None:
    ada, grace = await browser.auth_app.sign_up(name="Ada"), await browser.auth_app.sign_up(name="Grace")
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())
    await browser.sign_in(ada["user"]["email"])

    signed_out = await browser.submit(f"{PATH}/sign-out")
    question = await browser.sign_in(grace["user"]["email"])
    answer = await browser.submit(action="approve")
    tokens = (await application.exchange(query_of(answer.headers["location"])["code"])).json()

    assert title_of(signed_out) == "Sign in"
    assert ">Grace<" in question.text
    userinfo = await browser.auth_app.get("/oauth/userinfo", tokens["access_token"])
    assert userinfo.json()["sub"] == grace["user"]["id"]


# Other providers.

GITHUB = (OAuthProviderSettings("github", ("a client",), "a secret"),)


def provider_query(page: httpx.Response) -> dict[str, str]:
    """Return the parameters with which the page sends a browser to the provider."""
    [href] = re.findall(r'<a class="button" href="([^"]+)">Continue with GitHub</a>', page.text)
    assert href.startswith("/auth/v1/authorize?")
    return query_of(unescape(href))


async def provider_code(auth_app: AuthApp, user_id: str, query: dict[str, str]) -> str:
    """Return the code that the sign-in with a provider ends with."""
    challenge = PkceChallenge.parse(query["code_challenge"], query["code_challenge_method"])
    assert challenge is not None
    store = auth_app.auth.verification.one_time_tokens
    async with auth_app.repository.transaction() as transaction:
        return await store.issue_authorization_code(transaction, UUID(user_id), challenge, "oauth")


async def test_a_person_signs_in_with_a_provider_in_the_same_browser_only(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, oauth_server=True, oauth_providers=GITHUB)
    person = await auth_app.sign_up()
    application = await Application.register(auth_app)
    async with open_browser(auth_app) as http, open_browser(auth_app) as other_http:
        browser, victim = Browser(auth_app, http), Browser(auth_app, other_http)
        query = provider_query(await browser.visit(await application.start()))
        path = query["redirect_to"].removeprefix(auth_app.settings.site_url)

        question = await browser.return_to(path, await provider_code(auth_app, person["user"]["id"], query))
        again = await browser.return_to(path, "a used or invented code")
        # Somebody sends another person a link that would sign them in as somebody else.
        await victim.visit(await application.start())
        elsewhere = await victim.return_to(path, await provider_code(auth_app, person["user"]["id"], query))

    assert title_of(question).startswith("Allow")
    assert error_of(again).startswith("Signing in there did not work.")
    assert (title_of(elsewhere), error_of(elsewhere)[:22]) == ("Sign in", "Signing in there did n")


# Second factors.


async def test_who_has_an_authenticator_app_confirms_by_it(browser: Browser) -> None:
    user = await FactorUser.with_totp(browser.auth_app)
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())

    factor_page = await browser.sign_in(user.email)
    token = hidden_fields(factor_page)["form_token"]
    evaded = await browser.submit(action="approve", form_token=token)
    browser.auth_app.clock.advance(30)
    wrong = await browser.submit(f"{PATH}/factor", code="000000" if user.code != "000000" else "111111")
    question = await browser.submit(f"{PATH}/factor", code=f"{user.code[:3]} {user.code[3:]}")
    answer = await browser.submit(action="approve")
    tokens = (await application.exchange(query_of(answer.headers["location"])["code"])).json()

    assert title_of(factor_page) == title_of(evaded) == title_of(wrong) == "Confirm that it is you"
    assert error_of(wrong) == "This code is wrong or has expired."
    assert title_of(question).startswith("Allow")
    assert claims_of(tokens["access_token"])["aal"] == "aal2"


async def test_a_recovery_code_confirms_too_and_only_once(browser: Browser) -> None:
    user = await FactorUser.with_totp(browser.auth_app)
    codes = (await browser.auth_app.post("/factors/recovery-codes", {}, user.token)).json()
    code = codes["codes"][0] if "codes" in codes else codes["recovery_codes"]["codes"][0]
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())
    await browser.sign_in(user.email)

    question = await browser.submit(f"{PATH}/factor", code=code)
    await browser.submit(f"{PATH}/sign-out")
    await browser.sign_in(user.email)
    again = await browser.submit(f"{PATH}/factor", code=code)

    assert title_of(question).startswith("Allow")
    assert error_of(again) == "This code is wrong or has expired."


# Abuse.


async def test_a_form_of_another_site_decides_nothing(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    authorization_id = await application.start()
    await browser.visit(authorization_id)
    await browser.sign_in(person["user"]["email"])
    token = hidden_fields(browser.page or httpx.Response(200))["form_token"]

    attempts = [
        await browser.submit(action="approve", origin="https://attacker.example"),
        await browser.submit(action="approve", origin="null"),
        await browser.submit(action="approve", form_token=""),
        await browser.submit(action="approve", form_token="é"),
        await browser.submit(action="approve", form_token=token[::-1]),
    ]

    assert [(page.status_code, title_of(page)[:5]) for page in attempts] == [(403, "Allow")] * 5
    assert error_of(attempts[0]).startswith("The page was open for too long")
    assert (await browser.submit(action="approve", form_token=token)).status_code == 303


async def test_a_form_token_is_of_one_browser_one_session_and_one_request(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    first, second = await application.start(), await application.start()
    before_sign_in = hidden_fields(await browser.visit(first))["form_token"]
    await browser.sign_in(person["user"]["email"])
    of_first = hidden_fields(await browser.visit(first))["form_token"]
    await browser.visit(second)

    for token in (before_sign_in, of_first):
        assert (await browser.submit(action="approve", form_token=token)).status_code == 403
    async with open_browser(browser.auth_app) as other_http:
        other = Browser(browser.auth_app, other_http, browser.page)
        assert (await other.submit(action="approve")).status_code == 403


async def test_the_cookie_cannot_be_forged_and_is_of_no_use_elsewhere(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    authorization_id = await application.start()
    response = await browser.visit(authorization_id)
    await browser.sign_in(person["user"]["email"])
    cookie = browser.http.cookies["monynha_consent"]
    nonce, session_id, mac = cookie.split(".")

    attributes = response.headers["set-cookie"].split("; ")[1:]
    assert attributes == ["Path=/", "Max-Age=3600", "HttpOnly", "SameSite=Lax"]
    for forged in (f"{nonce}.{session_id}.{mac[::-1]}", f"{nonce}..{mac}", f"{'x' * 22}.{session_id}.{mac}", "x" * 500):
        browser.http.cookies.clear()
        page = await browser.visit(authorization_id, cookie=f"monynha_consent={forged}")
        assert title_of(page) == "Sign in"
    assert (await browser.auth_app.refresh(cookie)).status_code == 400


async def test_the_page_keeps_a_person_signed_in_for_an_hour_or_until_they_sign_out(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())
    await browser.sign_in(person["user"]["email"])

    browser.auth_app.clock.advance(seconds=3599)
    still = await browser.visit(await application.start())
    browser.auth_app.clock.advance(seconds=2)
    expired = await browser.visit(await application.start())
    await browser.sign_in(person["user"]["email"])
    tokens = (await browser.auth_app.sign_in(person["user"]["email"])).json()
    await browser.auth_app.post("/logout?scope=global", token=tokens["access_token"])
    signed_out = await browser.visit(await application.start())

    assert [title_of(page)[:5] for page in (still, expired, signed_out)] == ["Allow", "Sign ", "Sign "]


async def test_the_page_cannot_be_framed_and_runs_nothing(browser: Browser) -> None:
    application = await Application.register(browser.auth_app, client_name='<script>alert("x")</script>{email}')

    page = await browser.visit(await application.start())

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://reports.example;" in policy
    assert "script-src" not in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "same-origin"
    assert "<script" not in page.text
    assert "&lt;script&gt;" in page.text


@pytest.mark.parametrize("authorization_id", ["", "nonsense", "00000000-0000-4000-8000-000000000000"])
async def test_a_request_that_does_not_exist_is_said_to_be_over(browser: Browser, authorization_id: str) -> None:
    page = await browser.visit(authorization_id, **{"accept-language": "pt-BR,en;q=0.5"})

    assert (page.status_code, title_of(page)) == (404, "Este pedido não vale mais")
    assert '<html lang="pt-BR">' in page.text


async def test_what_somebody_else_has_opened_is_over_for_everybody_else(browser: Browser) -> None:
    ada, grace = await browser.auth_app.sign_up(), await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    authorization_id = await application.start()
    await application.open(authorization_id, ada["access_token"])
    await browser.visit(authorization_id)

    page = await browser.sign_in(grace["user"]["email"])

    assert (page.status_code, title_of(page)) == (404, "This request is no longer valid")


async def test_the_mail_is_asked_for_and_odd_actions_only_show_the_form(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    application = await Application.register(browser.auth_app)
    await browser.visit(await application.start())

    no_email = await browser.submit(f"{PATH}/sign-in", action="code", email="")
    odd = await browser.submit(f"{PATH}/sign-in", action="dance", email="a@example.com")
    undecided = await browser.submit(action="approve")
    await browser.sign_in(person["user"]["email"])
    odd_decision = await browser.submit(action="dance")

    assert error_of(no_email) == "Enter your email address."
    assert [title_of(page) for page in (odd, undecided)] == ["Sign in", "Sign in"]
    assert title_of(odd_decision).startswith("Allow")


async def test_sign_in_attempts_are_counted(make_auth_app: MakeAuthApp) -> None:
    rate_limits = RateLimits(RateLimiter(None), auth_per_account=Limit(3, 900))
    auth_app = make_auth_app(limits=rate_limits, autoconfirm=True, oauth_server=True)
    application = await Application.register(auth_app)
    async with open_browser(auth_app) as http:
        other = Browser(auth_app, http)
        await other.visit(await application.start())
        pages = [await other.sign_in("ada@example.com", "wrong") for _ in range(4)]

    assert [page.status_code for page in pages] == [400, 400, 400, 429]
    assert error_of(pages[-1]).startswith("Too many attempts. Try again in ")


async def test_an_application_that_registered_itself_is_marked(browser: Browser) -> None:
    person = await browser.auth_app.sign_up()
    body = {"redirect_uris": ["com.example.app:/callback"], "token_endpoint_auth_method": "none"}
    client = (await browser.auth_app.post("/oauth/clients/register", body)).json()
    application = Application(browser.auth_app, client["client_id"], None, "none", "com.example.app:/callback")
    await browser.visit(await application.start())

    question = await browser.sign_in(person["user"]["email"])

    assert title_of(question) == "Allow An application without a name to use your account?"
    assert "This application has registered itself." in question.text
    assert "form-action 'self' com.example.app:;" in question.headers["content-security-policy"]
    answer = await browser.submit(action="approve")
    assert urlsplit(answer.headers["location"]).scheme == "com.example.app"


async def test_behind_tls_the_cookie_is_for_this_host_alone(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, oauth_server=True, site_url="https://board.example")
    application = await Application.register(auth_app)
    async with open_browser(auth_app) as http:
        page = await Browser(auth_app, http).visit(await application.start())

    assert page.headers["set-cookie"].startswith("__Host-monynha_consent=")
    assert page.headers["set-cookie"].endswith("; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure")
