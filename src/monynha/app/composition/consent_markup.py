"""The markup of the consent page: its sign-in forms, the question, and what is said when there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import urlsplit

from monynha.app.composition.consent_texts import ConsentTexts
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.oauth_server.authorization_service import PendingAuthorization
from monynha.domains.auth.oauth_server.clients import DYNAMIC, OAuthClient

_ICONS: Final = {
    "read": '<path d="M2.8 10s2.6-4.6 7.2-4.6S17.2 10 17.2 10s-2.6 4.6-7.2 4.6S2.8 10 2.8 10z"/>'
    '<circle cx="10" cy="10" r="2.1"/>',
    "write": '<path d="m4 16 .7-3.3L13 4.4a1.4 1.4 0 0 1 2 0l.6.6a1.4 1.4 0 0 1 0 2L7.3 15.3z"/>',
    "admin": '<path d="M10 3.2 4.4 5.3v4.2c0 3.6 2.4 6 5.6 7.3 3.2-1.3 5.6-3.7 5.6-7.3V5.3z"/>'
    '<path d="M10 7.4v3.2M10 13.1h.01"/>',
    "openid": '<circle cx="7" cy="10" r="3.2"/><path d="M10.2 10h6.3v2.4M13.6 10v1.8"/>',
    "profile": '<circle cx="10" cy="7.2" r="2.9"/><path d="M4.6 16.2c.6-2.9 2.7-4.4 5.4-4.4s4.8 1.5 5.4 4.4"/>',
    "email": '<rect x="3.2" y="5" width="13.6" height="10" rx="1.8"/><path d="m3.8 6.4 6.2 4.5 6.2-4.5"/>',
    "alert": '<circle cx="10" cy="10" r="6.8"/><path d="M10 6.8v3.6M10 13.2h.01"/>',
}
_MARK: Final = (
    '<svg class="mark" viewBox="0 0 24 24" aria-hidden="true"><rect x="2.5" y="3.5" width="5" height="17" rx="2.5"/>'
    '<rect x="9.5" y="3.5" width="5" height="8.5" rx="2.5"/><rect x="16.5" y="3.5" width="5" height="17" rx="2.5"/>'
    '<circle class="mark__dot" cx="12" cy="17.6" r="2.9"/></svg>'
)


@dataclass(frozen=True, slots=True)
class FormContext:
    """What every form of the page carries: where it is sent, for which authorization, and the proof of its origin."""

    path: str
    authorization_id: str
    token: str

    def form(self, fields: str, *, action: str = "", css_class: str = "") -> str:
        """Return a form with the fields, which are markup."""
        hidden = {"authorization_id": self.authorization_id, "form_token": self.token}
        inputs = "".join(
            f'<input type="hidden" name="{name}" value="{escape(value)}">' for name, value in hidden.items()
        )
        return f'<form class="{css_class}" method="post" action="{escape(self.path + action)}">{inputs}{fields}</form>'


def client_name(client: OAuthClient, texts: ConsentTexts) -> str:
    """Return what the client is called."""
    return client.name or texts.unnamed_client


def sign_in_markup(
    texts: ConsentTexts,
    pending: PendingAuthorization,
    form: FormContext,
    *,
    providers: Mapping[str, str],
    email: str = "",
    error: str = "",
) -> str:
    """Return the form by which a person signs in, by password or by asking for a code.

    `providers` are the addresses at which one signs in with others, by what they are called.
    """
    lead = texts.sign_in_lead.format(client=client_name(pending.client, texts))
    described = ' aria-invalid="true" aria-describedby="error"' if error else ""
    fields = (
        f'<div class="field"><label for="email">{escape(texts.email)}</label>'
        f'<input class="input" id="email" name="email" type="email" autocomplete="username" maxlength="255"'
        f' value="{escape(email)}" required{"" if email else " autofocus"}></div>'
        f'<div class="field"><label for="password">{escape(texts.password)}</label>'
        f'<input class="input" id="password" name="password" type="password" autocomplete="current-password"'
        f' maxlength="256" required{described}{" autofocus" if email else ""}>{_error(error)}</div>'
        f'<button class="button button--primary" name="action" value="password">{escape(texts.sign_in)}</button>'
        f'<button class="button" name="action" value="code" formnovalidate>{escape(texts.send_code)}</button>'
    )
    return (
        f"{_faces(pending.client, texts)}<h1>{escape(texts.sign_in_title)}</h1><p>{escape(lead)}</p>"
        f"{form.form(fields, action='/sign-in', css_class='stack')}{_provider_links(texts, providers)}"
    )


def code_markup(
    texts: ConsentTexts, pending: PendingAuthorization, form: FormContext, *, email: str, error: str = ""
) -> str:
    """Return the form that takes the code in a mail."""
    fields = (
        f'<input type="hidden" name="email" value="{escape(email)}">{_code_field(texts, error, "numeric")}'
        f'<button class="button button--quiet" name="action" value="back" formnovalidate>{escape(texts.back)}</button>'
    )
    return (
        f"{_faces(pending.client, texts)}<h1>{escape(texts.code_title)}</h1>"
        f"<p>{escape(texts.code_lead.format(email=email))}</p>"
        f"{form.form(fields, action='/sign-in', css_class='stack')}"
    )


def factor_markup(texts: ConsentTexts, pending: PendingAuthorization, form: FormContext, *, error: str = "") -> str:
    """Return the form that takes the code of a second factor, which may have letters."""
    return (
        f"{_faces(pending.client, texts)}<h1>{escape(texts.factor_title)}</h1><p>{escape(texts.factor_lead)}</p>"
        f"{form.form(_code_field(texts, error, 'text'), action='/factor', css_class='stack')}"
        f"{form.form(_back_button(texts), action='/sign-out')}"
    )


def question_markup(
    texts: ConsentTexts, pending: PendingAuthorization, form: FormContext, account: Account, *, error: str = ""
) -> str:
    """Return the question whether the client may have what it asks for."""
    client, authorization = pending.client, pending.authorization
    title = texts.consent_title.format(client=client_name(client, texts))
    items = "".join(_scope_item(texts, scope, account) for scope in authorization.scopes)
    warning = _notice(texts.self_registered) if client.registration_type == DYNAMIC else ""
    buttons = (
        f'<button class="button" name="action" value="deny">{escape(texts.deny)}</button>'
        f'<button class="button button--primary" name="action" value="approve">{escape(texts.allow)}</button>'
    )
    return (
        f"{_faces(client, texts)}<h1>{escape(title)}</h1>{_account_row(texts, account, form)}"
        f'<p class="lead">{escape(texts.consent_lead)}</p><ul class="scopes" role="list">{items}</ul>'
        f"{warning}{_error(error)}"
        f"{form.form(buttons, css_class='choice')}"
        f'<p class="fine">{escape(_return_text(texts, authorization.redirect_uri))} {escape(texts.take_back)}</p>'
    )


def gone_markup(texts: ConsentTexts) -> str:
    """Return what is said when there is nothing to decide."""
    return f"<h1>{escape(texts.gone_title)}</h1><p>{escape(texts.gone_text)}</p>"


def form_policy(redirect_uri: str) -> str:
    """Return the policy of a page whose form may end at the client, which browsers check at each redirect."""
    parts = urlsplit(redirect_uri)
    target = f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else f"{parts.scheme}:"
    return f"form-action 'self' {target}"


def _provider_links(texts: ConsentTexts, providers: Mapping[str, str]) -> str:
    links = "".join(
        f'<a class="button" href="{escape(url)}">{escape(texts.provider.format(provider=name))}</a>'
        for name, url in providers.items()
    )
    return f'<div class="stack stack--tight">{links}</div>' if links else ""


def _code_field(texts: ConsentTexts, error: str, input_mode: str) -> str:
    described = ' aria-invalid="true" aria-describedby="error"' if error else ""
    return (
        f'<div class="field"><label for="code">{escape(texts.code)}</label>'
        f'<input class="input input--code" id="code" name="code" inputmode="{input_mode}" autocomplete="one-time-code"'
        f' maxlength="40" required autofocus{described}>{_error(error)}</div>'
        f'<button class="button button--primary" name="action" value="verify">{escape(texts.verify)}</button>'
    )


def _back_button(texts: ConsentTexts) -> str:
    return f'<button class="link">{escape(texts.other_account)}</button>'


def _scope_item(texts: ConsentTexts, scope: str, account: Account) -> str:
    heading, explanation = texts.scopes[scope]
    values: Mapping[str, str] = {"email": account.email or ""}
    css_class = ' class="is-strong"' if scope == "admin" else ""
    return (
        f"<li{css_class}>{_icon(scope)}<span><strong>{escape(heading)}</strong>"
        f"<small>{escape(explanation.format(**values))}</small></span></li>"
    )


def _account_row(texts: ConsentTexts, account: Account, form: FormContext) -> str:
    name, email = account.name, account.email or ""
    button = f'<button class="link">{escape(texts.other_account)}</button>'
    return (
        f'<div class="account"><span class="avatar" aria-hidden="true">{escape(name[:1].upper())}</span>'
        f'<span class="account__name"><small>{escape(texts.signed_in_as)}</small><strong>{escape(name)}</strong>'
        f"<small>{escape(email)}</small></span>{form.form(button, action='/sign-out')}</div>"
    )


def _faces(client: OAuthClient, texts: ConsentTexts) -> str:
    # Not the client's logo: its address would learn who is asked, and anybody can use anybody's picture.
    initial = client_name(client, texts)[:1].upper()
    return (
        f'<div class="faces" aria-hidden="true"><span class="face">{escape(initial)}</span>'
        f'<span class="faces__line"></span><span class="face face--ours">{_MARK}</span></div>'
    )


def _return_text(texts: ConsentTexts, redirect_uri: str) -> str:
    parts = urlsplit(redirect_uri)
    if parts.scheme == "http":
        return texts.returns_to_this_device
    if parts.scheme == "https":
        return texts.returns_to.format(place=parts.hostname or "")
    return texts.returns_to_application.format(place=parts.scheme)


def _notice(text: str) -> str:
    return f'<p class="notice">{_icon("alert")}<span>{escape(text)}</span></p>'


def _error(text: str) -> str:
    return f'<p class="error" id="error" role="alert">{_icon("alert")}<span>{escape(text)}</span></p>' if text else ""


def _icon(name: str) -> str:
    return f'<svg class="icon" viewBox="0 0 20 20" aria-hidden="true">{_ICONS[name]}</svg>'
