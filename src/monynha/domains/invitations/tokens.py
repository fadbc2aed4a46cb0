"""Invitation tokens: the secret of the link in an invitation's mail, of which only a hash is stored."""

from __future__ import annotations

import secrets
from urllib.parse import urlencode

TOKEN_PREFIX = "inv_"
"""By which the log recognizes a token in the path of a request, and leaves it out."""
PAGE_PATH = "/invitations"
"""The path of the page that the link leads to."""
_TOKEN_BYTES = 32


def make_token() -> str:
    """Return a new token of 256 random bits, which nobody can guess: a plain hash of it is safe."""
    return TOKEN_PREFIX + secrets.token_urlsafe(_TOKEN_BYTES)


def page_path(token: str) -> str:
    """Return the path of the page with the token in its query, whose values no log has."""
    return f"{PAGE_PATH}?{urlencode({'token': token})}"
