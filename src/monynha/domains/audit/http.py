"""The REST endpoint of the audit log: the derived list, and the same rows as CSV."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monynha.core.errors import BadRequestError
from monynha.domains.audit.csv_export import CsvExport
from monynha.domains.audit.models import audit
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.endpoint_docs import EndpointDoc
from monynha.protocols.rest.read_handlers import ReadHandlers
from monynha.protocols.rest.routes import RouteOverrides

PATH = "/admin/audit"
_CSV_MEDIA_TYPE = "text/csv"
_HEADERS: Headers = (
    (b"content-type", b"text/csv; charset=utf-8"),
    (b"content-disposition", b'attachment; filename="audit.csv"'),
    (b"cache-control", b"private, no-store"),
)
_CSV_ACCEPTED = re.compile(r"(?:^|,)\s*text/csv\s*(?:;(?!\s*q=0(?:\.0*)?\s*(?:,|$))[^,]*)?(?:,|$)", re.IGNORECASE)


@dataclass(frozen=True)
class AuditRoutes:
    """The endpoint that lists the audit log for system admins."""

    rest: RestContext

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        derived_list = ReadHandlers(self.rest, audit).list

        async def list_events(request: Request) -> Response:
            return await (self._export(request) if _wants_csv(request) else derived_list(request))

        return {("GET", PATH): list_events}

    async def _export(self, request: Request) -> Response:
        connection = self.rest.connect(request)
        params = {name: value for name, value in request.query_params.items() if name != "format"}
        parser = self.rest.query_params
        selection = parser.apply_cursor(parser.parse_list(audit, params, connection.actor), params)
        chunks = await CsvExport(self.rest.queries).open(connection, selection)
        return Response(200, b"", _HEADERS, stream=chunks)


def _wants_csv(request: Request) -> bool:
    """Whether the client requests CSV, by `format=csv` or because it names that in Accept, and JSON not."""
    format = request.query_params.get("format")
    if format is None:
        accept = request.header(b"accept") or ""
        return _CSV_ACCEPTED.search(accept) is not None and "json" not in accept.lower()
    if format != "csv":
        raise BadRequestError("The query parameter format must be csv.", details={"format": "must be csv"})
    return True


ENDPOINT_DOCS = (
    EndpointDoc(
        "GET",
        PATH,
        "list",
        audit,
        f"{audit.doc}\n\nAs CSV, by `format=csv` or `Accept: text/csv`, it is all events from the cursor on: `limit` "
        "is ignored, and an apostrophe stands before what a spreadsheet would take for a formula.",
        query_schemas={"format": {"enum": ["csv"], "description": "Respond with CSV instead of JSON."}},
        other_media_types=(_CSV_MEDIA_TYPE,),
    ),
)
"""The documentation of this endpoint for OpenAPI."""
