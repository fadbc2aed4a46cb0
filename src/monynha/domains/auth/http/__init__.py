"""The routes of /auth/v1."""

from monynha.domains.auth.http.routes import route_group

__all__ = ["route_group"]
