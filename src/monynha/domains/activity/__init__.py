"""Activity: who changed what in a project."""

from monynha.domains.activity.models import ActivityEntry, activity

__all__ = ["ActivityEntry", "activity"]
