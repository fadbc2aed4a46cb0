"""`monynha openapi`: the OpenAPI document, for client generators."""

from __future__ import annotations


def openapi() -> None:
    """Print the OpenAPI 3.1 document of the API, which a running program serves at /openapi.json.

    Example: monynha openapi > openapi.json
    """
    from monynha.app.docs.openapi import openapi_text

    print(openapi_text(), end="")
