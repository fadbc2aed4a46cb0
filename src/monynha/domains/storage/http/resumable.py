"""Endpoints of resumable uploads (TUS 1.0.0), with the extensions that `_EXTENSIONS` names."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from hashlib import sha256
from uuid import UUID

from monynha.core.actor import Actor
from monynha.core.errors import AppError
from monynha.core.serialization import parse_uuid
from monynha.domains.storage.errors import (
    EntityTooLargeError,
    InvalidSignatureError,
    TusContentTypeError,
    TusProtocolError,
    TusVersionError,
    UploadNotFoundError,
)
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.upload_body import parse_user_metadata
from monynha.domains.storage.http.uploads import is_upsert
from monynha.domains.storage.names import DEFAULT_CONTENT_TYPE, check_cache_control, check_content_type, check_key
from monynha.domains.storage.resumable import ResumableUpload, UploadDeclaration, UploadIdentity
from monynha.domains.storage.uploads import UploadTarget
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Headers, Response, encode_headers
from monynha.protocols.http.router import Handler, Route

_VERSION = "1.0.0"
_EXTENSIONS = "creation,creation-with-upload,creation-defer-length,termination,expiration"
_BODY_TYPE = "application/offset+octet-stream"
_NUMBER = re.compile(r"\d{1,15}", re.ASCII)
_MAX_METADATA_CHARACTERS = 100_000
_TOO_LARGE = "Maximum size exceeded"

_TusHandler = Callable[[Request, UploadIdentity], Awaitable[Response]]


@dataclass(frozen=True)
class ResumableRoutes:
    """Routes below `/upload/resumable`, and below `/upload/resumable/sign` with a signed upload token."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return tuple(
            Route(method, path, handler)
            for folder, is_signed in (("/upload/resumable", False), ("/upload/resumable/sign", True))
            for method, path, handler in self._methods(folder, is_signed=is_signed)
        )

    def _methods(self, folder: str, *, is_signed: bool) -> list[tuple[str, str, Handler]]:
        return [
            ("POST", folder, self._identified(self._create, is_signed=is_signed)),
            ("POST", f"{folder}/", self._identified(self._create, is_signed=is_signed)),
            ("OPTIONS", folder, self._options),
            ("OPTIONS", f"{folder}/", self._options),
            ("OPTIONS", f"{folder}/{{id}}", self._options),
            ("HEAD", f"{folder}/{{id}}", self._identified(self._head, is_signed=is_signed)),
            ("PATCH", f"{folder}/{{id}}", self._identified(self._patch, is_signed=is_signed)),
            ("DELETE", f"{folder}/{{id}}", self._identified(self._delete, is_signed=is_signed)),
        ]

    def _identified(self, handler: _TusHandler, *, is_signed: bool) -> Handler:
        """Return a handler that knows who asks, and that reads the rest of a body before it sends an error."""

        async def by_actor(request: Request, actor: Actor) -> Response:
            return await handler(request, UploadIdentity(actor))

        async def by_token(request: Request) -> Response:
            return await handler(request, self._signed_identity(request))

        identified = self.context.as_public(by_token) if is_signed else self.context.as_actor(by_actor)

        async def handle(request: Request) -> Response:
            try:
                return await identified(request)
            except AppError:
                await request.discard_body()
                raise

        return handle

    def _signed_identity(self, request: Request) -> UploadIdentity:
        token = request.header(b"x-signature")
        if not token:
            raise InvalidSignatureError("Missing x-signature header")
        signed = self.context.services.signer.verify(token, "upload")
        return UploadIdentity(signed.actor, sha256(token.encode()).hexdigest())

    async def _options(self, request: Request) -> Response:
        pairs = (
            ("Tus-Resumable", _VERSION),
            ("Tus-Version", _VERSION),
            ("Tus-Extension", _EXTENSIONS),
            ("Tus-Max-Size", str(self.context.services.uploads.max_bytes)),
        )
        return Response(204, b"", encode_headers(*pairs))

    async def _create(self, request: Request, identity: UploadIdentity) -> Response:
        _require_version(request)
        declaration = self._declaration(request, identity)
        await self.context.rate_limits.count_upload(request, identity.actor)
        resumable = self.context.services.resumable
        try:
            upload = await resumable.begin(identity, declaration)
        except EntityTooLargeError:
            raise EntityTooLargeError(_TOO_LARGE) from None
        if request.header(b"content-type") == _BODY_TYPE or upload.is_complete:
            upload = await resumable.write(identity, upload.id, 0, request.stream())
        location = f"{self._base_url(request)}{request.path.rstrip('/')}/{upload.id}"
        headers = _headers(upload, ("Location", location))
        return Response(201, b"", headers)

    async def _head(self, request: Request, identity: UploadIdentity) -> Response:
        _require_version(request)
        upload = await self.context.services.resumable.find(identity, _upload_id(request))
        size = upload.declaration.size
        length = ("Upload-Defer-Length", "1") if size is None else ("Upload-Length", str(size))
        headers = _headers(upload, length, ("Upload-Metadata", upload.declaration.upload_metadata))
        return Response(200, b"", headers)

    async def _patch(self, request: Request, identity: UploadIdentity) -> Response:
        _require_version(request)
        if request.header(b"content-type") != _BODY_TYPE:
            raise TusContentTypeError()
        offset = _number(request, b"upload-offset")
        if offset is None:
            raise TusProtocolError("Upload-Offset header required")
        try:
            upload = await self.context.services.resumable.write(
                identity, _upload_id(request), offset, request.stream(), size=_number(request, b"upload-length")
            )
        except EntityTooLargeError:
            raise EntityTooLargeError(_TOO_LARGE) from None
        complete = (("Tus-Complete", "1"),) if upload.is_complete else ()
        return Response(204, b"", _headers(upload, *complete))

    async def _delete(self, request: Request, identity: UploadIdentity) -> Response:
        _require_version(request)
        await self.context.services.resumable.end(identity, _upload_id(request))
        return Response(204, b"", encode_headers(("Tus-Resumable", _VERSION)))

    def _declaration(self, request: Request, identity: UploadIdentity) -> UploadDeclaration:
        header = request.header(b"upload-metadata") or ""
        metadata = parse_upload_metadata(header)
        size = _number(request, b"upload-length")
        if size is None and request.header(b"upload-defer-length") != "1":
            raise TusProtocolError("Upload-Length or Upload-Defer-Length header required")
        if "bucketName" not in metadata or "objectName" not in metadata:
            raise TusProtocolError("Upload-Metadata must have bucketName and objectName")
        bucket_id, name = metadata["bucketName"], check_key(metadata["objectName"])
        may_replace = is_upsert(request)
        if identity.token_digest is not None:
            signer, token = self.context.services.signer, request.header(b"x-signature") or ""
            may_replace = signer.verify(token, "upload", f"{bucket_id}/{name}").is_upsert
        cache_control = metadata.get("cacheControl", "")
        user_metadata = metadata.get("metadata")
        return UploadDeclaration(
            UploadTarget(bucket_id, name, is_upsert=may_replace),
            check_content_type(metadata.get("contentType") or DEFAULT_CONTENT_TYPE),
            check_cache_control(f"max-age={cache_control}" if cache_control.isdecimal() else cache_control),
            parse_user_metadata(user_metadata.encode()) if user_metadata else None,
            header,
            size,
            identity.token_digest,
        )

    def _base_url(self, request: Request) -> str:
        """Return the URL at which the client reaches this site: where a proxy says, or as the request says itself."""
        forwarded_host = (request.header(b"x-forwarded-host") or "").partition(",")[0].strip()
        host = forwarded_host or request.header(b"host") or ""
        _, _, site_host = self.context.site_url.partition("://")
        if not host or host == site_host:
            return self.context.site_url
        forwarded_proto = (request.header(b"x-forwarded-proto") or "").partition(",")[0].strip().lower()
        return f"{forwarded_proto if forwarded_proto in ('http', 'https') else 'http'}://{host}"


def parse_upload_metadata(header: str) -> Mapping[str, str]:
    """Return the pairs of an Upload-Metadata header, whose values are base64; raise TusProtocolError."""
    if len(header) > _MAX_METADATA_CHARACTERS:
        raise TusProtocolError("Upload-Metadata is too long")
    pairs: dict[str, str] = {}
    for pair in filter(None, (text.strip() for text in header.split(","))):
        key, _, value = pair.partition(" ")
        try:
            pairs[key] = b64decode(value, validate=True).decode()
        except ValueError:
            raise TusProtocolError("Upload-Metadata has a value that is not base64 of UTF-8") from None
        if "\x00" in pairs[key]:
            raise TusProtocolError("Upload-Metadata has a value with NUL")
    return pairs


def _require_version(request: Request) -> None:
    if request.header(b"tus-resumable") != _VERSION:
        raise TusVersionError(headers=(("Tus-Version", _VERSION),))


def _upload_id(request: Request) -> UUID:
    upload_id = parse_uuid(request.path_params["id"])
    if upload_id is None:
        raise UploadNotFoundError()
    return upload_id


def _number(request: Request, name: bytes) -> int | None:
    header = request.header(name)
    if header is None:
        return None
    if not _NUMBER.fullmatch(header):
        raise TusProtocolError(f"{name.decode()} must be a number")
    return int(header)


def _headers(upload: ResumableUpload, *pairs: tuple[str, str]) -> Headers:
    return encode_headers(
        ("Tus-Resumable", _VERSION),
        ("Upload-Offset", str(upload.received_bytes)),
        ("Upload-Expires", format_datetime(upload.expires_at, usegmt=True)),
        ("Cache-Control", "no-store"),
        *pairs,
    )
