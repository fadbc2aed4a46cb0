"""Endpoints that receive an object in one request, from the caller or by a signed URL."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.actor import Actor
from monynha.core.errors import AppError
from monynha.domains.storage.errors import InvalidSignatureError
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.upload_body import upload_body
from monynha.domains.storage.names import check_key
from monynha.domains.storage.uploads import UploadResult, UploadTarget
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class UploadRoutes:
    """Routes of uploads."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        as_actor = self.context.as_actor
        return (
            Route("POST", "/object/{bucket}/{*path}", as_actor(self._create)),
            Route("PUT", "/object/{bucket}/{*path}", as_actor(self._replace)),
            Route("POST", "/object/upload/sign/{bucket}/{*path}", as_actor(self._sign)),
            Route("PUT", "/object/upload/sign/{bucket}/{*path}", self.context.as_public(self._upload_signed)),
        )

    async def _create(self, request: Request, actor: Actor) -> Response:
        return await self._receive(request, actor, is_upsert=is_upsert(request))

    async def _replace(self, request: Request, actor: Actor) -> Response:
        return await self._receive(request, actor, is_upsert=True)

    async def _receive(self, request: Request, actor: Actor, *, is_upsert: bool) -> Response:
        target = object_target(request, is_upsert=is_upsert)
        result = await self._upload(request, actor, target)
        body = {"Id": result.object_id, "Key": f"{target.bucket_id}/{target.name}"}
        return json_response(body)

    async def _upload(self, request: Request, actor: Actor, target: UploadTarget) -> UploadResult:
        try:
            await self.context.rate_limits.count_upload(request, actor)
            return await self.context.services.uploads.upload(actor, target, upload_body(request))
        except AppError:
            await request.discard_body()
            raise

    async def _sign(self, request: Request, actor: Actor) -> Response:
        target = object_target(request, is_upsert=is_upsert(request))
        services = self.context.services
        await services.uploads.check(actor, target, size=None, content_type=None)
        path = f"{target.bucket_id}/{target.name}"
        token = services.signer.sign_upload(actor, path, is_upsert=target.is_upsert)
        return json_response({"url": f"/object/upload/sign/{path}?token={token}", "token": token})

    async def _upload_signed(self, request: Request) -> Response:
        target = object_target(request)
        path = f"{target.bucket_id}/{target.name}"
        try:
            token = request.query_params.get("token")
            if not token:
                raise InvalidSignatureError("querystring must have required property 'token'")
            signed = self.context.services.signer.verify(token, "upload", path)
        except AppError:
            await request.discard_body()
            raise
        target = UploadTarget(target.bucket_id, target.name, is_upsert=signed.is_upsert)
        await self._upload(request, signed.actor, target)
        return json_response({"Key": path})


def is_upsert(request: Request) -> bool:
    """Whether the request may replace an object."""
    return (request.header(b"x-upsert") or "").lower() == "true"


def object_target(request: Request, *, is_upsert: bool = False) -> UploadTarget:
    """Return the object that the path names; raise InvalidKeyError."""
    return UploadTarget(request.path_params["bucket"], check_key(request.path_params["path"]), is_upsert=is_upsert)
