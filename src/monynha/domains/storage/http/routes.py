"""All routes of /storage/v1, with errors rendered in the format of Supabase Storage."""

from __future__ import annotations

from monynha import __version__
from monynha.domains.storage.http.buckets import BucketRoutes
from monynha.domains.storage.http.dependencies import StorageContext
from monynha.domains.storage.http.downloads import DownloadRoutes
from monynha.domains.storage.http.objects import ObjectRoutes
from monynha.domains.storage.http.render import RenderRoutes
from monynha.domains.storage.http.responses import error_response
from monynha.domains.storage.http.resumable import ResumableRoutes
from monynha.domains.storage.http.signed_urls import SignedUrlRoutes
from monynha.domains.storage.http.uploads import UploadRoutes
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Route, RouteGroup

PREFIX = "/storage/v1"


def route_group(context: StorageContext) -> RouteGroup:
    """Return the routes of /storage/v1."""
    routes = (
        Route("GET", "/status", _status),
        Route("GET", "/version", _version),
        *BucketRoutes(context).routes,
        *ObjectRoutes(context).routes,
        *DownloadRoutes(context).routes,
        *RenderRoutes(context, DownloadRoutes(context)).routes,
        *SignedUrlRoutes(context).routes,
        *UploadRoutes(context).routes,
        *ResumableRoutes(context).routes,
    )
    return RouteGroup(PREFIX, routes, error_response)


async def _status(_: Request) -> Response:
    return Response(200)


async def _version(_: Request) -> Response:
    return Response(200, __version__.encode(), encode_headers(("Content-Type", "text/plain; charset=utf-8")))
