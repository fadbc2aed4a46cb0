"""Email templates: the subjects and texts of the emails of auth, and the links in them."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, TokenKind
from monynha.infra.mail import Mail

LINK_TYPES = {
    TokenKind.CONFIRMATION: "signup",
    TokenKind.INVITE: "invite",
    TokenKind.MAGICLINK: "magiclink",
    TokenKind.RECOVERY: "recovery",
    TokenKind.EMAIL_CHANGE_CURRENT: "email_change",
    TokenKind.EMAIL_CHANGE_NEW: "email_change",
}
"""The `type` that a link of a token kind has in the API."""

_SUBJECTS_AND_INTROS = {
    TokenKind.CONFIRMATION: ("Confirm your address", "Follow this link to confirm your address:"),
    TokenKind.INVITE: ("You are invited", "Follow this link to accept the invitation:"),
    TokenKind.MAGICLINK: ("Your link to sign in", "Follow this link to sign in:"),
    TokenKind.RECOVERY: ("Set a new password", "Follow this link to set a new password:"),
    TokenKind.EMAIL_CHANGE_CURRENT: (
        "Confirm the change of your address",
        "Follow this link to confirm that you give up this address:",
    ),
    TokenKind.EMAIL_CHANGE_NEW: ("Confirm your new address", "Follow this link to confirm this address:"),
}
_IGNORE_NOTICE = "If you did not request this, you can ignore this email."


@dataclass(frozen=True)
class EmailTemplates:
    """Renders emails. Links lead to the configured site, never to the Host header of a request."""

    site_url: str

    def action_link(self, token: OneTimeToken, redirect_to: str) -> str:
        """Return the URL that verifies a token."""
        query = urlencode({"token": token.link_token, "type": LINK_TYPES[token.kind], "redirect_to": redirect_to})
        return f"{self.site_url.rstrip('/')}/auth/v1/verify?{query}"

    def token_email(self, token: OneTimeToken, redirect_to: str) -> Mail:
        """Return the email with the token's link and code."""
        if token.kind is TokenKind.REAUTHENTICATION:
            text = f"Enter this code to continue: {token.code}\n\n{_IGNORE_NOTICE}\n"
            return Mail(token.email, "Your code", text)
        subject, intro = _SUBJECTS_AND_INTROS[token.kind]
        link = self.action_link(token, redirect_to)
        text = f"{intro}\n\n{link}\n\nOr enter this code: {token.code}\n\n{_IGNORE_NOTICE}\n"
        return Mail(token.email, subject, text)

    def already_registered_email(self, email: str) -> Mail:
        """Return the email to the owner of an account with whose address somebody tried to sign up."""
        text = (
            "Somebody, perhaps you, tried to sign up with this address, which already has an account.\n\n"
            f"Sign in, or reset your password, at {self.site_url}\n\n{_IGNORE_NOTICE}\n"
        )
        return Mail(email, "You already have an account", text)
