"""Endpoints that send an object as an image in another size or format."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, get_args
from urllib.parse import parse_qsl

from monynha.core.actor import ANONYMOUS, Actor
from monynha.domains.storage.errors import InvalidRangeError, InvalidRequestError, InvalidSignatureError
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.downloads import (
    DownloadRoutes,
    expiry_headers,
    object_headers,
    own_rights_headers,
)
from monynha.domains.storage.http.json_body import Fields, read_query_fields
from monynha.domains.storage.objects import StoredObject
from monynha.domains.storage.rendering import DEFAULT_QUALITY, MAX_SIDE, Transformation, image_type
from monynha.infra.images import OutputFormat, ResizeMode
from monynha.infra.storage import ObjectMissingError
from monynha.protocols.http.representation import Representation, content_range, select
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Route

_RESIZE_MODES: Final[tuple[ResizeMode, ...]] = get_args(ResizeMode)
_FORMATS: Final[tuple[OutputFormat, ...]] = ("origin", "webp", "avif")
_LARGEST_NUMBER: Final = 10**9


@dataclass(frozen=True)
class RenderRoutes:
    """Routes below `/render/image`."""

    context: StorageContext
    downloads: DownloadRoutes

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/render/image/authenticated/{bucket}/{*path}", self.context.as_actor(self._authenticated)),
            Route("GET", "/render/image/public/{bucket}/{*path}", self.context.as_public(self._public)),
            Route("GET", "/render/image/sign/{bucket}/{*path}", self.context.as_public(self._signed)),
        )

    async def _authenticated(self, request: Request, actor: Actor) -> Response:
        transformation = read_transformation(read_query_fields(request))
        stored = await self.downloads.find(actor, request.path_params["bucket"], request.path_params["path"])
        return await self._send(request, actor, stored, transformation, extra_headers=own_rights_headers(stored))

    async def _public(self, request: Request) -> Response:
        transformation = read_transformation(read_query_fields(request))
        stored = await self.downloads.find_public(request)
        cache_headers = (("Cache-Control", stored.cache_control),)
        return await self._send(request, ANONYMOUS, stored, transformation, extra_headers=cache_headers)

    async def _signed(self, request: Request) -> Response:
        token = request.query_params.get("token")
        if not token:
            raise InvalidSignatureError("querystring must have required property 'token'")
        bucket_id, name = request.path_params["bucket"], request.path_params["path"]
        signed = self.context.services.signer.verify(token, "download", f"{bucket_id}/{name}")
        transformation = read_transformation(Fields(dict(parse_qsl(signed.transformations)), "token"))
        stored = await self.downloads.find(signed.actor, bucket_id, name)
        expiry = expiry_headers(signed.expires_at)
        return await self._send(request, signed.actor, stored, transformation, extra_headers=expiry)

    async def _send(
        self,
        request: Request,
        actor: Actor,
        stored: StoredObject,
        transformation: Transformation,
        *,
        extra_headers: tuple[tuple[str, str], ...],
    ) -> Response:
        if stored.content_type.startswith("image/svg"):
            # It has no size of its own, and nothing here reads it: browsers scale it, in a sandbox.
            return await self.downloads.send(request, actor, stored, extra_headers)
        if request.query_params.get("format") is None and transformation.format == "origin":
            transformation = replace(transformation, format=_accepted_format(request))
        try:
            image = await self.context.renderer.render(stored, transformation)
        except ObjectMissingError:
            raise InvalidRequestError("The object was replaced; please try again") from None
        etag = f'"{stored.version}-{transformation.digest}"'
        selection = select(request, Representation(etag, len(image), stored.modified_at))
        own_headers = [(b"content-type", image_type(image).encode()), (b"etag", etag.encode()), (b"vary", b"Accept")]
        inherited = [pair for pair in object_headers(request, stored) if pair[0] not in (b"content-type", b"etag")]
        description = transformation.describe()
        named = (("X-Transformations", description),) if description else ()
        headers = (*own_headers, *inherited, *encode_headers(*named, *extra_headers))
        if selection.status == 416:
            raise InvalidRangeError(headers=(("Content-Range", content_range(selection, len(image))),))
        if selection.status == 206:
            headers = (*headers, *encode_headers(("Content-Range", content_range(selection, len(image)))))
        return Response(selection.status, image[selection.start : selection.end], headers)


def read_transformation(fields: Fields) -> Transformation:
    """Return the transformation of a query string or a token; sizes above 2,000 are lowered to it.

    Raises InvalidRequestError that names the field.
    """
    if fields.text("gravity", "") not in ("", "ce"):
        raise InvalidRequestError(f"{fields.path}/gravity must be ce: the middle of the image is kept")
    return Transformation(
        _side(fields, "width"),
        _side(fields, "height"),
        fields.choice("resize", _RESIZE_MODES, "cover"),
        fields.integer("quality", DEFAULT_QUALITY, 20, 100),
        fields.choice("format", _FORMATS, "origin"),
    )


def _side(fields: Fields, name: str) -> int | None:
    return min(MAX_SIDE, fields.integer(name, 0, 0, _LARGEST_NUMBER)) or None


def _accepted_format(request: Request) -> OutputFormat:
    """Return the best format that the client says it accepts by name."""
    accepted = request.header(b"accept") or ""
    if "image/avif" in accepted:
        return "avif"
    return "webp" if "image/webp" in accepted else "origin"
