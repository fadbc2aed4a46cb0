"""Endpoints of files: upload, content, thumbnails, and a deletion that is followed by that of the body."""

from __future__ import annotations

from dataclasses import dataclass, replace
from email.utils import format_datetime
from uuid import UUID

from monynha.core.errors import AppError, BadRequestError, ConflictError, ForbiddenError, RangeNotSatisfiableError
from monynha.domains.files.composition import FileServices
from monynha.domains.files.downloads import StoredFile
from monynha.domains.files.http.form_upload import FILE_PART, FormUpload
from monynha.domains.files.models import files
from monynha.domains.files.object_hook import TASK_KEY
from monynha.domains.storage.errors import InvalidRangeError
from monynha.domains.storage.http.downloads import body_response
from monynha.infra.images.operations import THUMBNAIL_SIZES
from monynha.infra.postgres.database import ActorConnection
from monynha.infra.storage import ObjectMissingError
from monynha.protocols.http.representation import Representation, select
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, data_response, encode_headers
from monynha.protocols.http.router import Route, RouteGroup
from monynha.protocols.openapi.field_schemas import id_schema, ref
from monynha.protocols.rest.context import Authenticate, RestContext, parse_id, parse_primary_key, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, JsonSchema
from monynha.protocols.rest.etag import compute_etag, item_headers
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides

_UPLOAD_PATH = "/projects/{id}/files"
_CONTENT_PATH = "/files/{id}/content"
_THUMBNAIL_PATH = "/files/{id}/thumbnails/{size}"
_BINARY: JsonSchema = {"type": "string", "format": "binary"}
_NOT_MODIFIED = "Not modified since the ETag in If-None-Match"
_ATTEMPTS = 3
_CACHE = ("Cache-Control", "private, no-cache")
_VARY = ("Vary", "Authorization, Cookie")
_SAME_ORIGIN = ("Cross-Origin-Resource-Policy", "same-origin")
"""A page of another site cannot embed it, whatever its browser sends along (Fetch, section 3.7)."""
_SANDBOX = ("Content-Security-Policy", "default-src 'none'; sandbox")
"""Whatever a file contains, a browser that opens it runs nothing of it."""
_PRIVATE = (_CACHE, _VARY, _SAME_ORIGIN, _SANDBOX)

FILE_DOCS = (
    CustomEndpointDoc(
        "POST",
        _UPLOAD_PATH,
        "createFile",
        files,
        "The new file",
        "Upload a file. An image is `processing` until its main picture and thumbnails are made; an event reports it.",
        ref(files.type_name),
        path_schemas={"id": {**id_schema(), "description": "The id of the project."}},
        status=201,
        form_name="FileForm",
        form_schema={
            "type": "object",
            "required": [FILE_PART],
            "properties": {
                FILE_PART: {**_BINARY, "description": "The file, with its name."},
                TASK_KEY: {**id_schema(), "description": "Id of a task of the project."},
            },
            "additionalProperties": False,
        },
        error_classes=(ForbiddenError, ConflictError),
    ),
    CustomEndpointDoc(
        "GET",
        _CONTENT_PATH,
        "getFileContent",
        files,
        "The content of the file",
        "Download a file, or a part of it (`Range`).",
        _BINARY,
        media_type="*/*",
        query_schemas={
            "download": {"type": "boolean", "description": "Whether browsers save the file instead of showing it."}
        },
        header_schemas={
            "Range": {"type": "string", "description": "The bytes to send, such as `bytes=0-99`."},
            "If-None-Match": {"type": "string", "description": "The ETag of the last response: 304 if it is the same."},
        },
        other_statuses={206: "The requested part of the content", 304: _NOT_MODIFIED},
        error_classes=(RangeNotSatisfiableError,),
    ),
    CustomEndpointDoc(
        "GET",
        _THUMBNAIL_PATH,
        "getFileThumbnail",
        files,
        "A smaller picture",
        "A thumbnail of an image: it fits into a square of this many pixels and is never enlarged.",
        _BINARY,
        media_type="image/webp",
        path_schemas={
            "id": {**id_schema(), "description": "The id of the file."},
            "size": {
                "type": "string",
                "enum": [str(side) for side in THUMBNAIL_SIZES],
                "description": "The side of the square in pixels.",
            },
        },
        header_schemas={
            "If-None-Match": {"type": "string", "description": "The ETag of the last response: 304 if it is the same."},
        },
        other_statuses={304: _NOT_MODIFIED},
    ),
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class FileRoutes:
    """The custom endpoints of files."""

    rest: RestContext
    services: FileServices
    authenticate_reader: Authenticate
    """Finds the actor of a request that only reads a file, by a cookie too."""

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {("POST", _UPLOAD_PATH): self.upload}

    @property
    def read_routes(self) -> RouteGroup:
        """The only routes that a cookie lets anybody use: they send files, and change nothing."""
        reader = replace(self, rest=replace(self.rest, authenticate=self.authenticate_reader))
        routes = (
            Route("GET", _CONTENT_PATH, reader.rest.wrap(reader.content)),
            Route("GET", _THUMBNAIL_PATH, reader.rest.wrap(reader.thumbnail)),
        )
        return RouteGroup(API_PREFIX, routes)

    async def upload(self, request: Request) -> Response:
        """Receive a file and respond with it and its location."""
        try:
            return await self._upload(request)
        except AppError:
            await request.discard_body()
            raise

    async def _upload(self, request: Request) -> Response:
        connection = self.rest.connect(request)
        selection = self.rest.query_params.parse_item(files, read_query(request))
        project_id = parse_id(request.path_params["id"], connection.actor, "project")
        await self.services.uploads.require_rights(connection, project_id)
        await self.rest.rate_limits.count_upload(request, connection.actor)
        form = FormUpload(request, field_names=(TASK_KEY,))
        await form.open()
        file_id = await self.services.uploads.receive(connection.actor, project_id, form.name, form)
        row = await self.rest.queries.fetch_row(connection, replace(selection, key=(file_id,)))
        location = (b"location", f"{API_PREFIX}/{files.plural}/{file_id}".encode())
        headers = (location, *item_headers(compute_etag(row)))
        return data_response(row.json, status=201, extra_headers=headers)

    async def content(self, request: Request) -> Response:
        """Send the body of a file, or the part of it that the request asks for."""
        connection = self.rest.connect(request)
        is_download = _parse_download(request.query_params)
        (file_id,) = parse_primary_key(files, request, connection.actor)
        file = await self._find(connection, file_id)
        for _ in range(_ATTEMPTS):
            headers = _content_headers(file, file.content_disposition(is_download=is_download))
            try:
                return await body_response(self.services.downloads.store, request, file.object, headers)
            except InvalidRangeError as error:
                raise RangeNotSatisfiableError(headers=error.headers) from None
            except ObjectMissingError:
                # Its body was replaced since the file was found: by its processing, or by an upload.
                file = await self._find(connection, file_id)
        raise AppError()

    async def thumbnail(self, request: Request) -> Response:
        """Send a thumbnail."""
        connection = self.rest.connect(request)
        reject_unknown_params(request.query_params, ())
        (file_id,) = parse_primary_key(files, request, connection.actor)
        file, side = await self._find(connection, file_id), request.path_params["size"]
        body = await self.services.downloads.read_thumbnail(file, side)
        etag = f'"{file.object.version}-{side}"'
        headers = encode_headers(("Content-Type", "image/webp"), ("ETag", etag), *_PRIVATE)
        selection = select(request, Representation(etag, len(body), file.object.modified_at))
        return Response(304, b"", headers) if selection.status == 304 else Response(200, body, headers)

    async def _find(self, connection: ActorConnection, file_id: UUID) -> StoredFile:
        return await self.services.downloads.find(connection, file_id)


def _content_headers(file: StoredFile, content_disposition: str) -> Headers:
    content_type = file.object.content_type
    # Text was recognized as UTF-8; browsers would take it for windows-1252.
    charset = "; charset=utf-8" if content_type.startswith("text/") and ";" not in content_type else ""
    return encode_headers(
        ("Content-Type", content_type + charset),
        ("ETag", file.object.etag),
        ("Last-Modified", format_datetime(file.object.modified_at, usegmt=True)),
        ("Accept-Ranges", "bytes"),
        ("Content-Disposition", content_disposition),
        *_PRIVATE,
    )


def _parse_download(params: dict[str, str]) -> bool:
    reject_unknown_params(params, ("download",))
    value = params.get("download", "false")
    if value not in ("true", "false"):
        problem = "must be true or false"
        raise BadRequestError(f"The query parameter download {problem}.", details={"download": problem})
    return value == "true"
