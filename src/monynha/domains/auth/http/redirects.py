"""Redirects of a browser back to the site, with the result in the query or the fragment."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit, urlunsplit

from monynha.protocols.http.response import Headers, Response, encode_headers


def redirect_response(
    url: str,
    *,
    query: dict[str, str] | None = None,
    fragment: dict[str, str] | None = None,
    status: int = 303,
    extra_headers: Headers = (),
) -> Response:
    """Return a redirect to a URL with more query parameters and a fragment; no cache stores it."""
    url_parts = urlsplit(url)
    query_text = "&".join(text for text in (url_parts.query, urlencode(query or {})) if text)
    location = urlunsplit(
        (
            url_parts.scheme,
            url_parts.netloc,
            url_parts.path or "/",
            query_text,
            urlencode(fragment or {}),
        )
    )
    headers = encode_headers(("Location", location), ("Cache-Control", "no-store"))
    return Response(status, b"", (*headers, *extra_headers))
