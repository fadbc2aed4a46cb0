"""The endpoints of /storage/v1.

Modules:
    routes        all routes, with errors rendered in the wire's format
    dependencies  what routes depend on: the services, the actor of a request, rate limits
    responses     JSON responses and errors
    json_body     JSON bodies and their fields
    buckets       buckets
    objects       lists, moves, copies, removals and information
    downloads     bodies, by the caller's rights, of public buckets and by signed URLs
    render        images in another size or format
    uploads       bodies from clients, in one request
    upload_body   the three forms of such a body
    signed_urls   the making of signed URLs
    resumable     bodies from clients, in several requests (TUS 1.0)
"""

from monynha.domains.storage.http.routes import PREFIX, route_group

__all__ = ["PREFIX", "route_group"]
