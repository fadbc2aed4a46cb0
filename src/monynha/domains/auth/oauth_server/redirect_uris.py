"""Redirect URIs: where an authorization code may be sent (RFC 6749 §3.1.2, RFC 8252, RFC 9700 §4.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit

MAX_LENGTH: Final = 2000
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
"""Those of a URI without a fragment (RFC 3986 §2): what browsers parse differently, such as a backslash, is no part."""
_NETLOC = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::\d{1,5})?")
# fmt: off
_DANGEROUS_SCHEMES: Final = frozenset((
    "about", "blob", "chrome", "data", "file", "filesystem", "ftp", "http+unix", "intent", "jar", "javascript",
    "mailto", "resource", "tel", "vbscript", "view-source", "ws", "wss",
))
# fmt: on
_LOOPBACK_ADDRESSES: Final = ("127.0.0.1", "::1")


def check_redirect_uri(uri: str) -> None:
    """Raise ValueError, with what is wrong, for a URI that must not be registered.

    Plain http is for this machine only; a scheme of its own (RFC 8252 §7.1) for installed applications.
    """
    if not uri or len(uri) > MAX_LENGTH:
        raise ValueError(f"must have 1 to {MAX_LENGTH} characters")
    if "#" in uri:
        raise ValueError("must not have a fragment")
    if not _CHARACTERS.fullmatch(uri):
        raise ValueError("contains a character that a URI cannot have")
    parts = urlsplit(uri)
    scheme, host = parts.scheme, _host(parts)
    if not scheme or scheme in _DANGEROUS_SCHEMES:
        raise ValueError("must begin with https://, or with the scheme of an installed application")
    if scheme in ("http", "https") or parts.netloc:
        if host is None:
            raise ValueError("must have a host, without a user name")
    elif "." not in scheme:
        raise ValueError("must have a host, or a scheme that is a reversed domain name")
    if scheme == "http" and host not in (*_LOOPBACK_ADDRESSES, "localhost"):
        raise ValueError("must use https, unless it is on localhost")


def is_registered(uri: str, registered_uris: Iterable[str]) -> bool:
    """Whether a requested URI is a registered one, character by character.

    The port of a loopback address may differ, since an installed application listens on whichever is free
    (RFC 8252 §7.3); the name `localhost` may mean another machine, so its port counts.
    """
    try:
        check_redirect_uri(uri)
    except ValueError:
        return False
    without_port = _without_loopback_port(uri)
    return any(
        uri == registered or (without_port is not None and without_port == _without_loopback_port(registered))
        for registered in registered_uris
    )


def with_query(uri: str, params: dict[str, str]) -> str:
    """Return the URI with more query parameters, which replace those of the same name."""
    # Not by `urlunsplit`, which would drop the empty authority of `com.example:///path`.
    head, _, query = uri.partition("?")
    kept = [pair for pair in query.split("&") if pair and pair.partition("=")[0] not in params]
    return f"{head}?{'&'.join([*kept, urlencode(params)])}"


def is_web_uri(uri: str) -> bool:
    """Whether only the owner of a domain receives what is sent there: not so on this machine, nor for own schemes."""
    return urlsplit(uri).scheme == "https"


def _host(parts: SplitResult) -> str | None:
    if not _NETLOC.fullmatch(parts.netloc):
        return None
    try:
        if parts.port == 0:
            return None
        return parts.hostname
    except ValueError:
        return None


def _without_loopback_port(uri: str) -> str | None:
    parts = urlsplit(uri)
    if parts.scheme != "http" or _host(parts) not in _LOOPBACK_ADDRESSES:
        return None
    host = parts.netloc.rpartition("]")[0] + "]" if "]" in parts.netloc else parts.netloc.partition(":")[0]
    return urlunsplit(("http", host, parts.path, parts.query, ""))
