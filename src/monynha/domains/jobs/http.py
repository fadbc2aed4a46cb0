"""Custom REST endpoints of jobs: retry one, cancel one."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.errors import ConflictError, ForbiddenError
from monynha.domains.jobs.actions import CANCEL, RETRY, JobAction, act_on_job
from monynha.domains.jobs.models import jobs
from monynha.engine.query.selection import Selection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.http.router import Handler
from monynha.protocols.openapi.field_schemas import ref
from monynha.protocols.rest.context import RestContext, parse_primary_key, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.etag import compute_etag, item_headers
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.routes import RouteOverrides

_PATHS = {RETRY: "/admin/jobs/{id}/retry", CANCEL: "/admin/jobs/{id}/cancel"}

ACTION_DOCS = tuple(
    CustomEndpointDoc(
        "POST",
        path,
        action.name,
        jobs,
        f"The job, {action.past_participle}",
        action.description,
        ref(jobs.type_name),
        error_classes=(ForbiddenError, ConflictError),
    )
    for action, path in _PATHS.items()
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class JobRoutes:
    """The custom endpoints of jobs."""

    rest: RestContext

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {("POST", path): self._handler(action) for action, path in _PATHS.items()}

    def _handler(self, action: JobAction) -> Handler:
        async def act(request: Request) -> Response:
            connection = self.rest.connect(request)
            reject_unknown_params(read_query(request), ())
            key = parse_primary_key(jobs, request, connection.actor)
            selection = Selection(jobs, jobs.field_names, key=key)
            job = await act_on_job(self.rest.queries, connection, action, key, selection)
            return data_response(job.json, extra_headers=item_headers(compute_etag(job)))

        return act
