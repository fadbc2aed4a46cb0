"""Pages of one HTML file with placeholders, whose own style is all that they may use."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cached_property
from html import escape
from importlib.resources import files
from string import Template

from monynha.protocols.http.response import Headers, Response


@dataclass(frozen=True)
class PageTemplate:
    """A file of the folder `web`; `policy` are directives of its Content-Security-Policy beside that of its style."""

    name: str
    policy: str = "form-action 'none'"
    cache_control: str = "no-store"
    referrer: str = "no-referrer"

    def respond(
        self, *, status: int = 200, html: str = "", policy: str = "", headers: Headers = (), **values: str
    ) -> Response:
        """Return the page with the values, which are text, and with `html`, which is markup, in `$html`.

        `policy` replaces the directives of the template, for a page whose policy depends on what it shows.
        """
        escaped = {name: escape(value) for name, value in values.items()}
        body = Template(self._source).substitute(escaped, html=html)
        return Response(status, body.encode(), (*self._headers(policy or self.policy), *headers))

    @cached_property
    def _source(self) -> str:
        return files("monynha").joinpath("web", self.name).read_text()

    @cached_property
    def _style_digest(self) -> str:
        style = self._source[self._source.index("<style>") + len("<style>") : self._source.index("</style>")]
        return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()

    def _headers(self, policy: str) -> Headers:
        policy = (
            f"default-src 'none'; style-src 'sha256-{self._style_digest}'; {policy}; base-uri 'none'; "
            "frame-ancestors 'none'"
        )
        cache_control = (b"cache-control", self.cache_control.encode())
        return (*page_headers("text/html; charset=utf-8", policy, self.referrer), cache_control)


def page_headers(content_type: str, policy: str, referrer: str = "no-referrer") -> Headers:
    """Return the headers of a page: its type, its policy, and that it tells no other site its own address."""
    return (
        (b"content-type", content_type.encode()),
        (b"content-security-policy", policy.encode()),
        (b"referrer-policy", referrer.encode()),
        (b"cross-origin-resource-policy", b"same-origin"),
        # For browsers that do not know `frame-ancestors`.
        (b"x-frame-options", b"SAMEORIGIN" if b"frame-ancestors 'self'" in policy.encode() else b"DENY"),
    )
