"""Endpoints of buckets."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.domains.storage.buckets import BUCKET_SORT_COLUMNS, BucketChanges
from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.json_body import Fields, read_fields, read_query_fields
from monynha.domains.storage.names import check_bucket_name, parse_mime_types, parse_size_limit
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route

_MAX_OFFSET = 2**31 - 1


@dataclass(frozen=True)
class BucketRoutes:
    """Routes below `/bucket`."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes; clients add a slash to some."""
        as_actor = self.context.as_actor
        return (
            Route("GET", "/bucket", as_actor(self._list)),
            Route("GET", "/bucket/", as_actor(self._list)),
            Route("POST", "/bucket", as_actor(self._create)),
            Route("POST", "/bucket/", as_actor(self._create)),
            Route("GET", "/bucket/{bucket}", as_actor(self._get)),
            Route("PUT", "/bucket/{bucket}", as_actor(self._update)),
            Route("DELETE", "/bucket/{bucket}", as_actor(self._delete)),
            Route("POST", "/bucket/{bucket}/empty", as_actor(self._empty)),
        )

    async def _list(self, request: Request, actor: Actor) -> Response:
        query = read_query_fields(request)
        rows = await self.context.services.buckets.list_buckets(
            actor,
            search=query.text("search", ""),
            column=query.choice("sortColumn", BUCKET_SORT_COLUMNS, "name"),
            is_descending=query.choice("sortOrder", ("asc", "desc"), "asc") == "desc",
            limit=query.integer("limit", 1000, 1, 10_000),
            offset=query.integer("offset", 0, 0, _MAX_OFFSET),
        )
        return json_response(rows)

    async def _create(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        name = check_bucket_name(fields.text("name"))
        bucket_id = check_bucket_name(fields.text("id", "") or name)
        if fields.choice("type", ("STANDARD", "ANALYTICS"), "STANDARD") == "ANALYTICS":
            raise InvalidRequestError("body/type must be STANDARD: analytics buckets are not supported")
        await self.context.services.buckets.create(
            actor,
            bucket_id,
            name,
            is_public=fields.boolean("public") or False,
            file_size_limit=parse_size_limit(fields.values.get("file_size_limit")),
            allowed_mime_types=parse_mime_types(fields.values.get("allowed_mime_types")),
        )
        return json_response({"name": bucket_id})

    async def _get(self, request: Request, actor: Actor) -> Response:
        row = await self.context.services.buckets.find(actor, request.path_params["bucket"])
        return json_response({name: value for name, value in row.items() if name != "type"})

    async def _update(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        if not any(name in fields for name in ("public", "file_size_limit", "allowed_mime_types")):
            raise InvalidRequestError("No content provided")
        await self.context.services.buckets.update(actor, request.path_params["bucket"], _changes(fields))
        return json_response({"message": "Successfully updated"})

    async def _delete(self, request: Request, actor: Actor) -> Response:
        await self.context.services.buckets.delete(actor, request.path_params["bucket"])
        return json_response({"message": "Successfully deleted"})

    async def _empty(self, request: Request, actor: Actor) -> Response:
        await self.context.services.buckets.empty(actor, request.path_params["bucket"])
        return json_response({"message": "Empty bucket has been queued. Completion may take up to an hour."})


def _changes(fields: Fields) -> BucketChanges:
    limit = parse_size_limit(fields.values.get("file_size_limit"))
    types = parse_mime_types(fields.values.get("allowed_mime_types"))
    values = {"file_size_limit": limit, "allowed_mime_types": types}
    cleared = frozenset(name for name, value in values.items() if name in fields and value is None)
    return BucketChanges(fields.boolean("public"), limit, types, cleared)
