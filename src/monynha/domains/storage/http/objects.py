"""Endpoints of objects without their bodies: lists, moves, copies, removals, information."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from monynha.core.actor import ANONYMOUS, Actor
from monynha.domains.storage.bodies import body_key, new_version
from monynha.domains.storage.errors import BucketNotFoundError, InvalidRequestError, ObjectNotFoundError
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.json_body import Fields, read_fields
from monynha.domains.storage.http.upload_body import parse_metadata_header
from monynha.domains.storage.http.uploads import is_upsert
from monynha.domains.storage.listing import MAX_LIMIT, SORT_COLUMNS, Cursor, Entry, ListQuery, next_cursor
from monynha.domains.storage.names import MAX_KEY_BYTES, check_cache_control, check_content_type, check_key
from monynha.domains.storage.objects import NewObject, StoredObject
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers, json_response
from monynha.protocols.http.router import Route

_MAX_OFFSET = 2**31 - 1
_MAX_REMOVED = 1000


@dataclass(frozen=True)
class ObjectRoutes:
    """Routes below `/object` that send and receive JSON."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        as_actor = self.context.as_actor
        return (
            Route("POST", "/object/list/{bucket}", as_actor(self._list)),
            Route("POST", "/object/list-v2/{bucket}", as_actor(self._list_v2)),
            Route("DELETE", "/object/{bucket}", as_actor(self._remove_many)),
            Route("DELETE", "/object/{bucket}/{*path}", as_actor(self._remove)),
            Route("POST", "/object/move", as_actor(self._move)),
            Route("POST", "/object/copy", as_actor(self._copy)),
            Route("GET", "/object/info/{bucket}/{*path}", self.context.as_anybody(self._info)),
            Route("GET", "/object/info/authenticated/{bucket}/{*path}", as_actor(self._info)),
            Route("GET", "/object/info/public/{bucket}/{*path}", self.context.as_public(self._info_public)),
            Route("DELETE", "/cdn/{bucket}/{*path}", as_actor(self._purge)),
        )

    async def _list(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        prefix = _prefix(fields)
        prefix = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
        sort = fields.object("sortBy")
        query = ListQuery(
            prefix,
            sort.choice("column", SORT_COLUMNS, "name"),
            sort.choice("order", ("asc", "desc"), "asc") == "desc",
            fields.integer("limit", 100, 1, 10_000),
            fields.integer("offset", 0, 0, _MAX_OFFSET),
            fields.text("search", ""),
        )
        entries = await self.context.services.lists.list_entries(actor, request.path_params["bucket"], query)
        return json_response([_listed(entry, prefix) for entry in entries])

    async def _list_v2(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        sort, limit = fields.object("sortBy"), fields.integer("limit", MAX_LIMIT, 1, MAX_LIMIT)
        cursor = fields.text("cursor", "")
        query = ListQuery(
            _prefix(fields),
            sort.choice("column", SORT_COLUMNS[:3], "name"),
            sort.choice("order", ("asc", "desc"), "asc") == "desc",
            limit + 1,
            with_folders=fields.boolean("with_delimiter") or False,
            cursor=Cursor.decode(cursor) if cursor else None,
        )
        entries = await self.context.services.lists.list_entries(actor, request.path_params["bucket"], query)
        page, has_next = entries[:limit], len(entries) > limit
        answer: dict[str, object] = {
            "hasNext": has_next,
            "folders": [{"name": entry.key, "key": entry.key.removesuffix("/")} for entry in page if entry.id is None],
            "objects": [_listed_v2(entry) for entry in page if entry.id is not None],
        }
        if has_next:
            answer["nextCursor"] = next_cursor(query, page).encode()
        return json_response(answer)

    async def _remove_many(self, request: Request, actor: Actor) -> Response:
        names = (await read_fields(request)).texts("prefixes", _MAX_REMOVED)
        rows = await self.context.services.objects.remove(actor, request.path_params["bucket"], names)
        self.context.services.collector.request()
        return json_response(rows)

    async def _remove(self, request: Request, actor: Actor) -> Response:
        bucket_id, name = request.path_params["bucket"], check_key(request.path_params["path"])
        if not await self.context.services.objects.remove(actor, bucket_id, [name]):
            raise ObjectNotFoundError()
        self.context.services.collector.request()
        return json_response({"message": "Successfully deleted"})

    async def _move(self, request: Request, actor: Actor) -> Response:
        source, destination = _source_and_destination(await read_fields(request))
        moved = await self.context.services.objects.move(actor, source, destination)
        answer = {
            "message": "Successfully moved",
            "Id": moved.row["id"],
            "Key": f"{moved.bucket_id}/{moved.name}",
        }
        return json_response(answer)

    async def _copy(self, request: Request, actor: Actor) -> Response:
        fields, services = await read_fields(request), self.context.services
        source, destination = _source_and_destination(fields)
        original = await self._find(actor, *source)
        await self.context.rate_limits.count_upload(request, actor)
        version = new_version(services.clock())
        user_metadata: Mapping[str, object] | None = parse_metadata_header(request.header(b"x-metadata"))
        if _keeps_metadata(fields):
            user_metadata = services.objects.copied_metadata(original, destination[0])
        upload = _copied(fields, original, destination, version=version, user_metadata=user_metadata)
        await services.objects.check_upload(actor, upload, is_upsert=is_upsert(request))
        await services.store.copy(body_key(original.version), body_key(version))
        try:
            upload = services.uploads.with_sniffed_type(replace(upload, modified_at=services.clock()))
            object_id = await services.objects.insert(actor, upload, is_upsert=is_upsert(request))
        except BaseException:
            await services.collector.discard_unused(version)
            raise
        services.collector.request()
        copied = (await services.objects.find(actor, *destination)).object
        row: dict[str, object] = {} if copied is None else {**copied.row}
        answer = {**row, "Id": object_id, "Key": "/".join(destination)}
        return json_response(answer)

    async def _info(self, request: Request, actor: Actor) -> Response:
        stored = await self._find(actor, request.path_params["bucket"], request.path_params["path"])
        return _information(stored)

    async def _info_public(self, request: Request) -> Response:
        bucket_id, name = request.path_params["bucket"], check_key(request.path_params["path"])
        lookup = await self.context.services.objects.find(ANONYMOUS, bucket_id, name)
        if lookup.bucket is None or not lookup.bucket.is_public:
            raise BucketNotFoundError()
        if lookup.object is None:
            raise ObjectNotFoundError()
        return _information(lookup.object)

    async def _find(self, actor: Actor, bucket_id: str, name: str) -> StoredObject:
        lookup = await self.context.services.objects.find(actor, bucket_id, check_key(name))
        if lookup.bucket is None:
            raise BucketNotFoundError()
        if lookup.object is None:
            raise ObjectNotFoundError()
        return lookup.object

    async def _purge(self, request: Request, actor: Actor) -> Response:
        """Answer that a cache in front of this program may forget the object: there is none of ours."""
        await self._find(actor, request.path_params["bucket"], request.path_params["path"])
        return json_response({"message": "success"})


def _prefix(fields: Fields) -> str:
    prefix = fields.text("prefix", "")
    if len(prefix.encode()) > MAX_KEY_BYTES:
        raise InvalidRequestError("body/prefix is longer than any name")
    return prefix.removeprefix("/")


def _source_and_destination(fields: Fields) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return bucket and name of the source and the destination; raise InvalidKeyError, InvalidRequestError."""
    bucket_id = fields.text("bucketId")
    destination_bucket = fields.text("destinationBucket", "") or bucket_id
    source_key, destination_key = fields.text("sourceKey"), fields.text("destinationKey")
    return (bucket_id, check_key(source_key)), (destination_bucket, check_key(destination_key))


def _copied(
    fields: Fields,
    original: StoredObject,
    destination: tuple[str, str],
    *,
    version: str,
    user_metadata: Mapping[str, object] | None,
) -> NewObject:
    """Return the copy of an object, with the type and caching of the original, or with those of the request."""
    metadata = fields.object("metadata")
    content_type, cache_control = original.content_type, original.cache_control
    if not _keeps_metadata(fields):
        content_type = check_content_type(metadata.text("mimetype", content_type))
        cache_control = check_cache_control(metadata.text("cacheControl", cache_control))
    return NewObject(
        *destination,
        version,
        content_type,
        cache_control,
        size=original.size,
        user_metadata=user_metadata,
    )


def _keeps_metadata(fields: Fields) -> bool:
    """Whether a copy has the metadata of the original."""
    return fields.boolean("copyMetadata") is not False


def _listed(entry: Entry, prefix: str) -> dict[str, object]:
    name = entry.key.removeprefix(prefix)
    return {
        "name": name.removesuffix("/") if entry.id is None else name,
        "id": entry.id,
        "updated_at": entry.updated_at,
        "created_at": entry.created_at,
        "last_accessed_at": entry.last_accessed_at,
        "metadata": entry.metadata,
    }


def _listed_v2(entry: Entry) -> dict[str, object]:
    return {**_listed(entry, ""), "key": entry.key}


def _information(stored: StoredObject) -> Response:
    information = {
        "id": stored.row["id"],
        "name": stored.name,
        "version": stored.version,
        "bucket_id": stored.bucket_id,
        "size": stored.size,
        "content_type": stored.content_type,
        "cache_control": stored.cache_control,
        "etag": stored.etag,
        "metadata": stored.row["user_metadata"] or {},
        "last_modified": stored.modified_at,
        "created_at": stored.row["created_at"],
    }
    return json_response(information, extra_headers=encode_headers(("ETag", stored.etag)))
