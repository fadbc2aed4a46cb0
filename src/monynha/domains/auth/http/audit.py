"""The route of the audit log, in GoTrue's wire: for the holder of the service key alone."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.serialization import format_timestamp
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.dependencies import require_service_key
from monynha.domains.auth.http.paging import paging_headers, parse_page
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.services.audit_log import AuditLogEntry
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_SCOPES = ("author", "action", "type")


@dataclass(frozen=True)
class AuditLogRoutes:
    """The route that lists what happened; `query` is a scope, a colon and what it must contain."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (Route("GET", "/admin/audit", self._list),)

    async def _list(self, request: Request) -> Response:
        actor = require_service_key(self.auth, request)
        page = parse_page(request)
        query = request.query_params.get("query", "")
        scope, colon, text = query.partition(":")
        if query and (not colon or scope not in _SCOPES):
            raise InvalidAuthRequestError(f"Invalid query scope: {query[:100]}")
        entries, total = await self.auth.audit_log.list_page(
            actor, page_number=page.number, page_size=page.size, scope=scope or None, text=text
        )
        site_url = self.auth.mailer.links.site_url
        headers = paging_headers(f"{site_url}/auth/v1/admin/audit", page, total, {"query": query} if query else {})
        return auth_response([_entry_json(entry) for entry in entries], extra_headers=headers)


def _entry_json(entry: AuditLogEntry) -> dict[str, object]:
    return {
        "id": str(entry.id),
        "payload": entry.payload,
        "created_at": format_timestamp(entry.created_at),
        "ip_address": entry.ip_address,
    }
