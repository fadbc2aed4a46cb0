"""Action links: the URLs in emails that verify a one-time token."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from monynha.domains.auth.tokens.one_time_tokens import OneTimeToken, TokenKind

LINK_TYPES = {
    TokenKind.CONFIRMATION: "signup",
    TokenKind.INVITE: "invite",
    TokenKind.MAGICLINK: "magiclink",
    TokenKind.RECOVERY: "recovery",
    TokenKind.EMAIL_CHANGE_CURRENT: "email_change",
    TokenKind.EMAIL_CHANGE_NEW: "email_change",
}
"""The `type` that a link of a token kind has in the API."""


@dataclass(frozen=True)
class ActionLinks:
    """Makes links. They lead to the configured site, never to the Host header of a request."""

    site_url: str

    def path(self, token: OneTimeToken, redirect_to: str) -> str:
        """Return the path and query that verify a token."""
        query = urlencode({"token": token.link_token, "type": LINK_TYPES[token.kind], "redirect_to": redirect_to})
        return f"/auth/v1/verify?{query}"

    def url(self, token: OneTimeToken, redirect_to: str) -> str:
        """Return the URL that verifies a token."""
        return self.site_url.rstrip("/") + self.path(token, redirect_to)
