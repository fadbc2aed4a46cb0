"""The routes of /auth/v1."""

from monynha.domains.auth.http.area import area

__all__ = ["area"]
