"""The API's own description: everything that is derived, and what the domains say of their own handlers."""

from __future__ import annotations

import json
from typing import Any

from monynha import __version__
from monynha.app.catalog import CATALOG
from monynha.domains.notifications import http as notifications
from monynha.domains.users import http as users
from monynha.protocols.openapi import document
from monynha.protocols.rest.events import event_streams


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of this release."""
    described = (*users.DESCRIBED, *notifications.DESCRIBED)
    actions = (*notifications.ACTIONS, *event_streams(CATALOG))
    return document(CATALOG, described, actions, version=__version__)


def openapi_text() -> str:
    """Return the same for reading: indented, one line a value."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
