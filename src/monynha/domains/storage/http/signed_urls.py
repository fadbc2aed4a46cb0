"""Endpoints that make signed URLs to download objects."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from monynha.core.actor import Actor
from monynha.domains.storage.errors import BucketNotFoundError, ObjectNotFoundError
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.json_body import Fields, read_fields
from monynha.domains.storage.names import check_key
from monynha.domains.storage.signed_urls import MAX_TTL_S
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route

_MAX_PATHS = 1000
_NOT_ACCESSIBLE = "Either the object does not exist or you do not have access to it"
_TRANSFORMATIONS = ("width", "height", "resize", "quality", "format", "gravity", "x_offset", "y_offset")


@dataclass(frozen=True)
class SignedUrlRoutes:
    """Routes that sign."""

    context: StorageContext

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", "/object/sign/{bucket}/{*path}", self.context.as_actor(self._sign)),
            Route("POST", "/object/sign/{bucket}", self.context.as_actor(self._sign_many)),
        )

    async def _sign(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        bucket_id, name = request.path_params["bucket"], check_key(request.path_params["path"])
        ttl_s = fields.integer("expiresIn", None, 1, MAX_TTL_S)
        transformations = _transformations(fields.object("transform"))
        lookup = await self.context.services.objects.find(actor, bucket_id, name)
        if lookup.bucket is None:
            raise BucketNotFoundError()
        if lookup.object is None:
            raise ObjectNotFoundError()
        return json_response({"signedURL": self._url(actor, bucket_id, name, ttl_s, transformations)})

    async def _sign_many(self, request: Request, actor: Actor) -> Response:
        fields = await read_fields(request)
        bucket_id, paths = request.path_params["bucket"], fields.texts("paths", _MAX_PATHS)
        ttl_s = fields.integer("expiresIn", None, 1, MAX_TTL_S)
        readable = await self.context.services.objects.find_names(actor, bucket_id, paths)
        answers = [
            {
                "error": None if path in readable else _NOT_ACCESSIBLE,
                "path": path,
                "signedURL": self._url(actor, bucket_id, path, ttl_s, "") if path in readable else None,
            }
            for path in paths
        ]
        return json_response(answers)

    def _url(self, actor: Actor, bucket_id: str, name: str, ttl_s: int, transformations: str) -> str:
        path = f"{bucket_id}/{name}"
        token = self.context.services.signer.sign_download(actor, path, ttl_s, transformations=transformations)
        route = "render/image" if transformations else "object"
        return f"/{route}/sign/{quote(path)}?token={token}"


def _transformations(fields: Fields) -> str:
    """Return an image transformation as a query string, empty for none."""
    pairs = [(name, fields.values[name]) for name in _TRANSFORMATIONS if fields.values.get(name) is not None]
    return urlencode([(name, str(value)) for name, value in pairs])
