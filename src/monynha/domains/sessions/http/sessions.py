"""The endpoint that ends all sessions of the caller, or all but the current one."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import BadRequestError
from monynha.domains.sessions.actions import end_all_sessions, end_other_sessions
from monynha.domains.sessions.models import sessions
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.routes import RouteOverrides

_SCOPES = {"all": end_all_sessions, "others": end_other_sessions}

SESSION_DOCS = (
    CustomEndpointDoc(
        "DELETE",
        "/sessions",
        "deleteSessions",
        sessions,
        "The sessions have ended",
        "Sign out everywhere: their access tokens are refused from now on, and their sockets are closed.",
        {},
        query_schemas={
            "scope": {
                "type": "string",
                "enum": list(_SCOPES),
                "default": "all",
                "description": "`others` keeps the session of this request.",
            }
        },
        status=204,
    ),
)
"""The documentation of this endpoint for OpenAPI."""


@dataclass(frozen=True)
class SessionRoutes:
    """The custom endpoint of sessions."""

    rest: RestContext

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {("DELETE", "/sessions"): self.end}

    async def end(self, request: Request) -> Response:
        """End the sessions of the scope."""
        connection = self.rest.connect(request)
        params = request.query_params
        reject_unknown_params(params, ("scope",))
        end_sessions = _SCOPES.get(params.get("scope", "all"))
        if end_sessions is None:
            problem = "must be all or others"
            raise BadRequestError(f"The query parameter scope {problem}.", details={"scope": problem})
        await end_sessions(connection)
        return Response(204)
