"""REST endpoints of API tokens, for those who have signed in: a token manages no tokens."""

from __future__ import annotations

from dataclasses import dataclass

import orjson

from monynha.core.actor import TOKEN_SCOPES
from monynha.core.errors import ForbiddenError
from monynha.domains.auth.api_tokens.creation import ApiTokenCreation
from monynha.domains.auth.api_tokens.models import MAX_PROJECTS, tokens
from monynha.domains.auth.tokens.api_tokens import START
from monynha.engine.query.selection import Selection
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.http.router import Handler
from monynha.protocols.openapi.field_schemas import input_schema
from monynha.protocols.rest.context import RestContext, read_json_body, read_query
from monynha.protocols.rest.endpoint_docs import EndpointDoc
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.read_handlers import ReadHandlers
from monynha.protocols.rest.resource_routes import API_PREFIX
from monynha.protocols.rest.routes import RouteOverrides
from monynha.protocols.rest.write_handlers import WriteHandlers

_PATH = f"/{tokens.plural}"
_ITEM_PATH = f"{_PATH}/{{id}}"

TOKEN_DOCS = (
    EndpointDoc(
        "POST",
        _PATH,
        "create",
        tokens,
        "Create an API token. The response alone has its text, as `secret`. It is accepted where access tokens are, "
        "but neither here nor below `/auth/v1`, except `GET /user`.",
        input_schemas={
            "name": input_schema(tokens.fields["name"]),
            "scopes": {
                "type": "array",
                "items": {"type": "string", "enum": list(TOKEN_SCOPES)},
                "minItems": 1,
                "maxItems": 20,
                "description": "What it allows: `read`; `write`, which includes it; `admin`, all that you may do.",
            },
            "projectIds": {
                "type": ["array", "null"],
                "items": {"type": "string", "format": "uuid"},
                "minItems": 1,
                "maxItems": MAX_PROJECTS,
                "description": "Ids of the only projects that it reaches, each one that you are a member of.",
            },
            "expiresAt": {
                "type": ["string", "null"],
                "format": "date-time",
                "description": "When it stops working, within ten years; null for never.",
            },
        },
        required=("name", "scopes"),
        replaces_fields=True,
        response_schemas={
            "secret": {"type": "string", "pattern": f"^{START}", "description": "The token, which is shown only here."}
        },
    ),
)
"""The documentation of these endpoints for OpenAPI."""


@dataclass(frozen=True)
class ApiTokenRoutes:
    """The endpoints of API tokens."""

    rest: RestContext
    creation: ApiTokenCreation

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        reads, writes = ReadHandlers(self.rest, tokens), WriteHandlers(self.rest, tokens)
        return {
            ("POST", _PATH): self._refuse_limited(self._create),
            ("GET", _PATH): self._refuse_limited(reads.list),
            ("GET", _ITEM_PATH): self._refuse_limited(reads.read),
            ("DELETE", _ITEM_PATH): self._refuse_limited(writes.delete),
        }

    async def _create(self, request: Request) -> Response:
        connection = self.rest.connect(request)
        reject_unknown_params(read_query(request), ())
        token_request = self.creation.parse(await read_json_body(request))
        created = await self.creation.create(connection, token_request)
        selection = Selection(tokens, tokens.field_names, key=(created.id,))
        row = orjson.loads((await self.rest.queries.fetch_row(connection, selection)).json)
        location = f"{API_PREFIX}{_PATH}/{created.id}".encode()
        headers = ((b"location", location), (b"cache-control", b"no-store"))
        return data_response(orjson.dumps({**row, "secret": created.secret}), status=201, extra_headers=headers)

    def _refuse_limited(self, handler: Handler) -> Handler:
        """Return the handler with a clear error where row-level security would show an empty list."""

        async def handle(request: Request) -> Response:
            if self.rest.connect(request).actor.limits is not None:
                raise ForbiddenError("API tokens are managed by whoever has signed in, not by another token.")
            return await handler(request)

        return handle
