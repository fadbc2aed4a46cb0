"""Notifications of users.

models: the `notifications` resource
actions: mark notifications as read
http, graphql: the endpoints and mutations of the actions
policies.sql: who can view and change which notification
"""

from monynha.domains.notifications.models import Notification, notifications

__all__ = ["Notification", "notifications"]
