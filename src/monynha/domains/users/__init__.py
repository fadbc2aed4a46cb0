"""People: the profile beside each account."""

from monynha.domains.users.models import User, users

__all__ = ["User", "users"]
