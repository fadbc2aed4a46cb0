"""The OpenAPI document of this release: what derives from the resources, and the domains' own endpoints."""

from __future__ import annotations

import json

from monynha import __version__
from monynha.app.catalog import CATALOG
from monynha.domains.audit import http as audit
from monynha.domains.auth.accounts.passwords import DEFAULT_MIN_PASSWORD_LENGTH
from monynha.domains.files import http as files
from monynha.domains.invitations import http as invitations
from monynha.domains.jobs import http as jobs
from monynha.domains.notifications import http as notifications
from monynha.domains.people import http as people
from monynha.domains.reports import http as reports
from monynha.domains.users import http as users
from monynha.protocols.openapi import build_document
from monynha.protocols.openapi.field_schemas import Schema
from monynha.protocols.rest.sse import event_stream_docs


def openapi_document(password_min_length: int = DEFAULT_MIN_PASSWORD_LENGTH) -> Schema:
    """Return the OpenAPI document of this release, with the shortest password that sign-up accepts."""
    endpoint_docs = (
        *users.endpoint_docs(password_min_length),
        *people.ENDPOINT_DOCS,
        *invitations.ENDPOINT_DOCS,
        *notifications.ENDPOINT_DOCS,
        *audit.ENDPOINT_DOCS,
    )
    actions = (
        *files.FILE_DOCS,
        *files.AVATAR_DOCS,
        *invitations.ACTION_DOCS,
        *jobs.ACTION_DOCS,
        *notifications.ACTION_DOCS,
        *people.ACTION_DOCS,
        *event_stream_docs(CATALOG),
        *reports.ENDPOINT_DOCS,
    )
    return build_document(CATALOG, endpoint_docs, actions, version=__version__)


def openapi_text() -> str:
    """Return the document as indented JSON."""
    return json.dumps(openapi_document(), indent=2, ensure_ascii=False) + "\n"
