"""The markup of the consent page: everything that anybody wrote is text, in every language."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import pytest

from monynha.app.composition.consent_markup import (
    FormContext,
    code_markup,
    factor_markup,
    form_policy,
    question_markup,
    sign_in_markup,
)
from monynha.app.composition.consent_texts import CONSENT_TEXTS
from monynha.core.locales import LOCALES
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.oauth_server.authorization_service import PendingAuthorization
from monynha.domains.auth.oauth_server.authorizations import Authorization
from monynha.domains.auth.oauth_server.clients import DYNAMIC, MANUAL, OAuthClient
from monynha.domains.auth.oauth_server.scopes import SCOPES
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge

AT = datetime(2026, 11, 27, tzinfo=UTC)
HOSTILE = '"><script>{email}</script>'
FORM = FormContext("/oauth/consent", HOSTILE, HOSTILE)
ACCOUNT = Account(UUID(int=1), {}, {"name": HOSTILE}, AT, AT, email="ada@example.com")


def pending(redirect_uri: str = "https://app.example/callback", **changes: object) -> PendingAuthorization:
    client = OAuthClient(
        UUID(int=2), MANUAL, "public", "none", None, HOSTILE, "", "", (redirect_uri,), (), SCOPES, True, AT, AT
    )
    authorization = Authorization(
        UUID(int=3),
        client.id,
        None,
        "pending",
        redirect_uri,
        SCOPES,
        None,
        None,
        PkceChallenge("c", "s256"),
        False,
        None,
        None,
        AT,
    )
    return PendingAuthorization(authorization, replace(client, **changes))  # type: ignore[arg-type]  # of the client


@pytest.mark.parametrize("locale", LOCALES)
def test_what_anybody_wrote_is_text(locale: str) -> None:
    texts = CONSENT_TEXTS[locale]
    pages = [
        sign_in_markup(texts, pending(), FORM, providers={HOSTILE: HOSTILE}, email=HOSTILE, error=HOSTILE),
        code_markup(texts, pending(), FORM, email=HOSTILE, error=HOSTILE),
        factor_markup(texts, pending(), FORM, error=HOSTILE),
        question_markup(texts, pending(), FORM, ACCOUNT, error=HOSTILE),
    ]

    for page in pages:
        assert "<script" not in page
        assert "&lt;script&gt;" in page
        tags = re.findall(r"<(/?)(?:div|p|ul|li|form|h1|span|button|label|strong|small|svg)\b", page)
        assert tags.count("") == tags.count("/")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_scope_is_explained_and_admin_stands_out(locale: str) -> None:
    page = question_markup(CONSENT_TEXTS[locale], pending(), FORM, ACCOUNT)

    assert CONSENT_TEXTS[locale].scopes.keys() == set(SCOPES)
    assert page.count("<li") == len(SCOPES)
    assert page.count('<li class="is-strong">') == 1
    assert "ada@example.com" in page


def test_only_an_application_that_registered_itself_is_marked() -> None:
    texts = CONSENT_TEXTS["en"]

    assert texts.self_registered in question_markup(texts, pending(registration_type=DYNAMIC), FORM, ACCOUNT)
    assert texts.self_registered not in question_markup(texts, pending(), FORM, ACCOUNT)
    assert texts.unnamed_client in question_markup(texts, pending(name=""), FORM, ACCOUNT)


@pytest.mark.parametrize(
    ("uri", "policy", "place"),
    [
        ("https://app.example:8443/callback?a=b", "https://app.example:8443", "app.example"),
        ("http://127.0.0.1:3000/callback", "http://127.0.0.1:3000", "a program on this device"),
        ("com.example.app:/callback", "com.example.app:", "application com.example.app"),
    ],
)
def test_the_form_may_end_at_the_application_and_says_where(uri: str, policy: str, place: str) -> None:
    assert form_policy(uri) == f"form-action 'self' {policy}"
    assert f"return to {place}" in question_markup(CONSENT_TEXTS["en"], pending(uri), FORM, ACCOUNT).replace(
        "the installed ", ""
    )
