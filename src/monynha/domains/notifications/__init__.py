"""Notifications: what somebody should know."""

from monynha.domains.notifications.models import Notification, notifications

__all__ = ["Notification", "notifications"]
