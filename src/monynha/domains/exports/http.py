"""Endpoints of the export of one's own data: request it, see how it stands, download it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import orjson

from monynha.core.errors import ForbiddenError, NotFoundError, RangeNotSatisfiableError
from monynha.core.serialization import format_timestamp
from monynha.core.settings.setting_types import Limit
from monynha.domains.exports.data_exports import DataExport, DataExports
from monynha.domains.files.file_names import content_disposition
from monynha.domains.storage.errors import InvalidRangeError
from monynha.domains.storage.http.downloads import body_response
from monynha.domains.users import users
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.infra.storage import ObjectMissingError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response, encode_header_lines, encode_headers
from monynha.protocols.rest.context import RestContext, parse_id, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, JsonSchema
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides

_PATH = "/users/{id}/export"
_CONTENT_PATH = f"{_PATH}/content"
_NO_STORE = ("Cache-Control", "no-store")
_LIMIT = Limit(5, 86_400)
"""An export reads all that somebody has, so a few a day are enough."""
_LIMIT_MESSAGE = "Too many exports of your data, please try again later"
_OWN_ID: JsonSchema = {"type": "string", "const": "me", "description": "The caller."}
_NULLABLE_TIME: JsonSchema = {"type": ["string", "null"], "format": "date-time"}
_EXPORT_SCHEMA: JsonSchema = {
    "type": "object",
    "required": ["id", "status", "requestedAt", "finishedAt", "expiresAt", "size"],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "status": {"type": "string", "enum": ["pending", "ready", "failed"]},
        "requestedAt": {"type": "string", "format": "date-time"},
        "finishedAt": _NULLABLE_TIME,
        "expiresAt": {**_NULLABLE_TIME, "description": "When its file is deleted."},
        "size": {"type": ["integer", "null"], "description": "Size of the file in bytes."},
    },
}

EXPORT_DOCS = (
    CustomEndpointDoc(
        "POST",
        _PATH,
        "requestDataExport",
        users,
        "The export, which a job writes",
        "Export one's own data: a ZIP file of JSON documents and one's files. A mail and a notification report it. One "
        "that is pending is returned instead; a new one replaces the last.",
        _EXPORT_SCHEMA,
        path_schemas={"id": _OWN_ID},
        status=202,
        error_classes=(ForbiddenError,),
    ),
    CustomEndpointDoc(
        "GET",
        _PATH,
        "getDataExport",
        users,
        "The last export",
        "See how the last export of one's own data stands. It is deleted after a week.",
        _EXPORT_SCHEMA,
        path_schemas={"id": _OWN_ID},
    ),
    CustomEndpointDoc(
        "GET",
        _CONTENT_PATH,
        "getDataExportContent",
        users,
        "The ZIP file",
        "Download the export. It is also the object `<id>.zip` of the private bucket `data-exports` of storage, for "
        "which its user can make a signed URL.",
        {"type": "string", "format": "binary"},
        media_type="application/zip",
        path_schemas={"id": _OWN_ID},
        header_schemas={"Range": {"type": "string", "description": "The bytes to send, such as `bytes=0-99`."}},
        other_statuses={206: "The requested part of the file", 304: "Not modified since the ETag in If-None-Match"},
        error_classes=(RangeNotSatisfiableError,),
    ),
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class ExportRoutes:
    """The endpoints of exports."""

    rest: RestContext
    exports: DataExports

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {("POST", _PATH): self.request, ("GET", _PATH): self.read, ("GET", _CONTENT_PATH): self.content}

    async def request(self, request: Request) -> Response:
        """Request an export."""
        connection = self._connect_as_self(request)
        reject_unknown_params(read_query(request), ())
        await connection.require_live_session()
        window = (str(connection.actor.id), "export", _LIMIT)
        limit_headers = await self.rest.rate_limits.count(_LIMIT_MESSAGE, window)
        request.response_header_lines = encode_header_lines(encode_headers(*limit_headers))
        try:
            export = await self.exports.request(connection)
        except ConstraintViolationError as violation:
            if violation.is_permission_denied:
                raise ForbiddenError() from violation
            raise
        location = encode_headers(("Location", f"{API_PREFIX}/users/me/export"))
        return data_response(_export_json(export), status=202, extra_headers=location)

    async def read(self, request: Request) -> Response:
        """Tell how the last export stands."""
        connection = self._connect_as_self(request)
        reject_unknown_params(read_query(request), ())
        export = await self.exports.read(connection)
        return data_response(_export_json(export), extra_headers=encode_headers(_NO_STORE))

    async def content(self, request: Request) -> Response:
        """Send the file of the last export, or a part of it."""
        connection = self._connect_as_self(request)
        reject_unknown_params(request.query_params, ())
        stored = await self.exports.find_object(connection)
        day = stored.modified_at.date().isoformat()
        headers = encode_headers(
            ("Content-Type", stored.content_type),
            ("ETag", stored.etag),
            ("Accept-Ranges", "bytes"),
            ("Content-Disposition", content_disposition(f"monynha-export-{day}.zip", is_attachment=True)),
            _NO_STORE,
        )
        try:
            return await body_response(self.exports.store, request, stored, headers)
        except InvalidRangeError as error:
            raise RangeNotSatisfiableError(headers=error.headers) from None
        except ObjectMissingError:
            raise NotFoundError("There is no export of your data that is ready.") from None

    def _connect_as_self(self, request: Request) -> ActorConnection:
        """Return the database as the user whom the path names; NotFoundError unless that is the caller."""
        connection = self.rest.connect(request)
        actor = connection.actor
        if actor.id is None or parse_id(request.path_params["id"], actor, users.singular) != actor.id:
            raise NotFoundError("There is no export of this data for you.")
        return connection


def _export_json(export: DataExport) -> bytes:
    return orjson.dumps(
        {
            "id": str(export.id),
            "status": export.status,
            "requestedAt": format_timestamp(export.requested_at),
            "finishedAt": _timestamp(export.finished_at),
            "expiresAt": _timestamp(export.expires_at),
            "size": export.size,
        }
    )


def _timestamp(time: datetime | None) -> str | None:
    return None if time is None else format_timestamp(time)
