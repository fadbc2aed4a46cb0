"""What auth's mails say."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from monynha.domains.auth.one_time import Kind, OneTime
from monynha.infra.mail import Mail

TYPES = {
    Kind.CONFIRMATION: "signup",
    Kind.INVITE: "invite",
    Kind.MAGICLINK: "magiclink",
    Kind.RECOVERY: "recovery",
    Kind.EMAIL_CHANGE_CURRENT: "email_change",
    Kind.EMAIL_CHANGE_NEW: "email_change",
}
"""What the wire calls the kind of a link."""

_SAYS = {
    Kind.CONFIRMATION: ("Confirm your address", "Follow this link to confirm your address:"),
    Kind.INVITE: ("You are invited", "Follow this link to accept the invitation:"),
    Kind.MAGICLINK: ("Your link to sign in", "Follow this link to sign in:"),
    Kind.RECOVERY: ("Set a new password", "Follow this link to set a new password:"),
    Kind.EMAIL_CHANGE_CURRENT: (
        "Confirm the change of your address",
        "Follow this link to let go of this address:",
    ),
    Kind.EMAIL_CHANGE_NEW: ("Confirm your new address", "Follow this link to take up this address:"),
}
_UNASKED = "If you did not ask for this, you need do nothing."


@dataclass(frozen=True)
class Letters:
    """Writes the mails; their links lead to the site's own address, whatever host a request named."""

    site_url: str

    def action_link(self, token: OneTime, redirect_to: str) -> str:
        """Return the link that uses a token up."""
        query = urlencode({"token": token.link, "type": TYPES[token.kind], "redirect_to": redirect_to})
        return f"{self.site_url.rstrip('/')}/auth/v1/verify?{query}"

    def of(self, token: OneTime, redirect_to: str) -> Mail:
        """Return the mail that carries a token."""
        if token.kind is Kind.REAUTHENTICATION:
            text = f"Enter this code to go on: {token.code}\n\n{_UNASKED}\n"
            return Mail(token.address, "Your code", text)
        subject, leads = _SAYS[token.kind]
        link = self.action_link(token, redirect_to)
        text = f"{leads}\n\n{link}\n\nOr enter this code: {token.code}\n\n{_UNASKED}\n"
        return Mail(token.address, subject, text)

    def taken(self, address: str) -> Mail:
        """Return the mail to somebody whose address was given at a sign-up although they have an account."""
        text = (
            "Somebody, perhaps you, tried to sign up with this address, which has an account already.\n\n"
            f"Sign in, or ask for a new password, at {self.site_url}\n\n{_UNASKED}\n"
        )
        return Mail(address, "You have an account already", text)
