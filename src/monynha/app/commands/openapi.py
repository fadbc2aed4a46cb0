"""`monynha openapi`: the API's description, for generators of clients."""

from __future__ import annotations


def openapi() -> None:
    """Print the API as an OpenAPI 3.1 document; a running program serves the same at /openapi.json.

    Example: monynha openapi > openapi.json
    """
    from monynha.app.docs.openapi import openapi_text

    print(openapi_text(), end="")
