"""Endpoints of pictures of users: set or delete one's own, and read one, which needs no token."""

from __future__ import annotations

from dataclasses import dataclass, replace

import orjson

from monynha.core.errors import AppError, ConflictError, ForbiddenError
from monynha.domains.files.avatars import CONTENT_TYPE, Avatars
from monynha.domains.files.http.form_upload import FILE_PART, FormUpload
from monynha.domains.users import users
from monynha.engine.mutation.mutations import PrimaryKey
from monynha.engine.mutation.validation import ColumnValues
from monynha.engine.query.parameter import JsonRow
from monynha.engine.query.selection import Selection
from monynha.infra.postgres.database import ActorConnection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response, encode_headers
from monynha.protocols.http.router import Route, RouteGroup
from monynha.protocols.openapi.field_schemas import ref
from monynha.protocols.rest.context import RestContext, parse_primary_key, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, JsonSchema
from monynha.protocols.rest.etag import compute_etag, item_headers
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides

_OWN_PATH = "/users/{id}/avatar"
_PUBLIC_PATH = "/avatars/{hash}"
_COLUMN = "avatar_url"
_ID: JsonSchema = {"type": "string", "const": "me", "description": "The caller."}
_IMMUTABLE = ("Cache-Control", "public, max-age=31536000, immutable")

AVATAR_DOCS = (
    CustomEndpointDoc(
        "PUT",
        _OWN_PATH,
        "updateAvatar",
        users,
        "The user with the new picture",
        "Set the profile picture: the middle of an image, as a square.",
        ref(users.type_name),
        path_schemas={"id": _ID},
        form_name="AvatarForm",
        form_schema={
            "type": "object",
            "required": [FILE_PART],
            "properties": {FILE_PART: {"type": "string", "format": "binary", "description": "The image."}},
            "additionalProperties": False,
        },
        error_classes=(ForbiddenError, ConflictError),
    ),
    CustomEndpointDoc(
        "DELETE",
        _OWN_PATH,
        "deleteAvatar",
        users,
        "The picture was deleted",
        "Delete the profile picture.",
        {},
        path_schemas={"id": _ID},
        status=204,
        error_classes=(ForbiddenError, ConflictError),
    ),
    CustomEndpointDoc(
        "GET",
        _PUBLIC_PATH,
        "getAvatar",
        users,
        "The picture",
        "A profile picture, which never changes: another picture has another address.",
        {"type": "string", "format": "binary"},
        media_type=CONTENT_TYPE,
        path_schemas={"hash": {"type": "string", "pattern": "^[0-9a-f]{32}$", "description": "The hash."}},
        other_statuses={304: "Not modified since the ETag in If-None-Match"},
        is_public=True,
    ),
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class AvatarRoutes:
    """The endpoints of pictures of users."""

    rest: RestContext
    avatars: Avatars

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`, for signed-in users."""
        return {("PUT", _OWN_PATH): self.replace, ("DELETE", _OWN_PATH): self.delete}

    @property
    def public_routes(self) -> RouteGroup:
        """The route that needs no token."""
        return RouteGroup(API_PREFIX, (Route("GET", _PUBLIC_PATH, self.read),))

    async def replace(self, request: Request) -> Response:
        """Set the picture of a user and respond with the user."""
        try:
            row = await self._replace(request)
        except AppError:
            await request.discard_body()
            raise
        return data_response(row.json, extra_headers=item_headers(compute_etag(row)))

    async def _replace(self, request: Request) -> JsonRow:
        connection = self.rest.connect(request)
        selection = self.rest.query_params.parse_item(users, read_query(request))
        key = parse_primary_key(users, request, connection.actor)
        previous = await self._authorize(connection, key)
        await self.rest.rate_limits.count_upload(request, connection.actor)
        form = FormUpload(request)
        await form.open()
        address = await self.avatars.add(key[0], form.chunks())
        row = await self._update(connection, key, {_COLUMN: address}, selection)
        if previous != address:
            await self.avatars.discard(previous)
        return row

    async def delete(self, request: Request) -> Response:
        """Delete the picture of a user."""
        connection = self.rest.connect(request)
        reject_unknown_params(request.query_params, ())
        key = parse_primary_key(users, request, connection.actor)
        previous = await self._authorize(connection, key)
        await self._update(connection, key, {_COLUMN: None}, self.rest.query_params.parse_item(users, {}))
        await self.avatars.discard(previous)
        return Response(204)

    async def read(self, request: Request) -> Response:
        """Send a picture to anybody."""
        request.response_header_lines = await self.rest.rate_limits.count_public_request(request.client_ip)
        hash = request.path_params["hash"]
        body = await self.avatars.read(hash)
        etag = f'"{hash}"'
        headers = encode_headers(("Content-Type", CONTENT_TYPE), ("ETag", etag), _IMMUTABLE)
        is_cached = request.header(b"if-none-match") == etag
        return Response(304, b"", headers) if is_cached else Response(200, body, headers)

    async def _authorize(self, connection: ActorConnection, key: PrimaryKey) -> str | None:
        """Return the address of the present picture, if the actor may change it; NotFoundError, ForbiddenError."""
        selection = self.rest.query_params.parse_item(users, {"fields": "avatarUrl"})
        row = await self._update(connection, key, {}, selection)
        values: dict[str, str | None] = orjson.loads(row.json)
        return values.get("avatarUrl")

    async def _update(
        self, connection: ActorConnection, key: PrimaryKey, values: ColumnValues, selection: Selection
    ) -> JsonRow:
        return await self.rest.mutations.update(
            connection, users, key, values, result_selection=replace(selection, key=key)
        )
