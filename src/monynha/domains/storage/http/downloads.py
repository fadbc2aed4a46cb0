"""Endpoints that send an object's body: by the caller's rights, of public buckets, and by signed URLs."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from monynha.core.actor import ANONYMOUS, Actor
from monynha.domains.storage.bodies import body_key
from monynha.domains.storage.errors import (
    BucketNotFoundError,
    InvalidRangeError,
    InvalidSignatureError,
    ObjectNotFoundError,
)
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.names import check_key
from monynha.domains.storage.objects import StoredObject
from monynha.infra.storage import ObjectMissingError, ObjectStore
from monynha.protocols.http.representation import Representation, Selection, content_range, select
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, encode_headers
from monynha.protocols.http.router import Route

WHOLE_BODY_BYTES = 256 * 1024
"""Up to this size a body is read at once and sent with its head in one write."""
_PASSIVE_TYPES = ("image/", "audio/", "video/", "font/")
_PASSIVE = frozenset({"text/plain", "text/csv", "application/pdf", "application/json", "application/octet-stream"})
_SANDBOX = ("Content-Security-Policy", "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox")
"""For what a browser may run: it gets an origin of its own, without scripts."""


@dataclass(frozen=True)
class DownloadRoutes:
    """Routes of downloads; they serve HEAD too."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/object/{bucket}/{*path}", self.context.as_anybody(self._download)),
            Route("GET", "/object/authenticated/{bucket}/{*path}", self.context.as_actor(self._download)),
            Route("GET", "/object/public/{bucket}/{*path}", self.context.as_public(self._download_public)),
            Route("GET", "/object/sign/{bucket}/{*path}", self.context.as_public(self._download_signed)),
        )

    async def _download(self, request: Request, actor: Actor) -> Response:
        stored = await self.find(actor, request.path_params["bucket"], request.path_params["path"])
        return await self.send(request, actor, stored, own_rights_headers(stored))

    async def _download_public(self, request: Request) -> Response:
        stored = await self.find_public(request)
        return await self.send(request, ANONYMOUS, stored, (("Cache-Control", stored.cache_control),))

    async def _download_signed(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if not token:
            raise InvalidSignatureError("querystring must have required property 'token'")
        bucket_id, name = request.path_params["bucket"], request.path_params["path"]
        signed = self.context.services.signer.verify(token, "download", f"{bucket_id}/{name}")
        if signed.transformations:
            raise InvalidSignatureError("Token is for a transformed image")
        stored = await self.find(signed.actor, bucket_id, name)
        return await self.send(request, signed.actor, stored, expiry_headers(signed.expires_at))

    async def find(self, actor: Actor, bucket_id: str, name: str) -> StoredObject:
        """Return an object that the actor may read; raise BucketNotFoundError, ObjectNotFoundError."""
        lookup = await self.context.services.objects.find(actor, bucket_id, check_key(name))
        if lookup.bucket is None:
            raise BucketNotFoundError()
        if lookup.object is None:
            raise ObjectNotFoundError()
        return lookup.object

    async def find_public(self, request: Request) -> StoredObject:
        """Return the object of a public bucket that the path names; a private bucket is not there."""
        bucket_id, name = request.path_params["bucket"], request.path_params["path"]
        lookup = await self.context.services.objects.find(ANONYMOUS, bucket_id, check_key(name))
        if lookup.bucket is None or not lookup.bucket.is_public:
            raise BucketNotFoundError()
        if lookup.object is None:
            raise ObjectNotFoundError()
        return lookup.object

    async def send(
        self, request: Request, actor: Actor, stored: StoredObject, extra_headers: tuple[tuple[str, str], ...]
    ) -> Response:
        """Return the response with the body of an object, or with that of the one which has replaced it meanwhile."""
        headers = (*object_headers(request, stored), *encode_headers(*extra_headers))
        try:
            return await body_response(self.context.services.store, request, stored, headers)
        except ObjectMissingError:
            # It was replaced between the statement and now, or a body is lost.
            replacement = await self.find(actor, stored.bucket_id, stored.name)
            if replacement.version == stored.version:
                raise ObjectNotFoundError() from None
            return await self.send(request, actor, replacement, extra_headers)


def own_rights_headers(stored: StoredObject) -> tuple[tuple[str, str], ...]:
    """Return the headers of what is sent by the caller's rights: no cache answers another caller with it."""
    return ("Cache-Control", stored.cache_control), ("Vary", "Authorization")


def expiry_headers(expires_at: int) -> tuple[tuple[str, str], ...]:
    """Return the headers of what a signed URL sends: no shared cache keeps it, since its signer's rights may end."""
    expires = format_datetime(datetime.fromtimestamp(expires_at, UTC), usegmt=True)
    return ("Expires", expires), ("Cache-Control", "private")


def object_headers(request: Request, stored: StoredObject) -> Headers:
    """Return the headers that an object has whatever part of it is sent."""
    pairs = [
        ("Content-Type", stored.content_type),
        ("ETag", stored.etag),
        ("Last-Modified", format_datetime(stored.modified_at, usegmt=True)),
        ("Accept-Ranges", "bytes"),
    ]
    if not is_passive(stored.content_type):
        pairs.append(_SANDBOX)
    if request.scope["query_string"] and (disposition := _disposition(request)):
        pairs.append(("Content-Disposition", disposition))
    return encode_headers(*pairs)


def is_passive(content_type: str) -> bool:
    """Whether a browser that shows the type runs nothing of it."""
    media_type = content_type.partition(";")[0].strip().lower()
    if "xml" in media_type or "svg" in media_type:
        return False
    return media_type in _PASSIVE or media_type.startswith(_PASSIVE_TYPES)


async def body_response(store: ObjectStore, request: Request, stored: StoredObject, headers: Headers) -> Response:
    """Return the response that a request for a body selects; raise InvalidRangeError, ObjectMissingError."""
    representation = Representation(stored.etag, stored.size, stored.modified_at)
    selection = select(request, representation)
    if selection.status == 304:
        return Response(304, b"", headers)
    if selection.status == 416:
        raise InvalidRangeError(headers=(("Content-Range", content_range(selection, stored.size)),))
    if selection.status == 206:
        headers = (*headers, *encode_headers(("Content-Range", content_range(selection, stored.size))))
    size = selection.end - selection.start
    if request.method == "HEAD":
        return Response(selection.status, b"", headers, content_length=size)
    key = body_key(stored.version)
    if size <= WHOLE_BODY_BYTES:
        return Response(selection.status, await store.read(key, selection.start, selection.end), headers)
    stream = await _started(store, key, selection)
    return Response(selection.status, b"", headers, stream, content_length=size)


async def _started(store: ObjectStore, key: str, selection: Selection) -> AsyncGenerator[bytes | bytearray]:
    """Return a stream whose first chunk has been read: a body that is missing is an error before the head is sent."""
    chunks = store.stream(key, selection.start, selection.end)
    first = await anext(chunks)

    async def resumed() -> AsyncGenerator[bytes | bytearray]:
        try:
            yield first
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    return resumed()


def _disposition(request: Request) -> str:
    """Return the Content-Disposition that the query asks for, empty if it asks for none."""
    filename = request.query_params.get("download")
    if filename is None:
        return ""
    if not filename:
        return "attachment;"
    encoded = quote(filename, safe="!#$&+^`|~")
    return f"attachment; filename={encoded}; filename*=UTF-8''{encoded}"
