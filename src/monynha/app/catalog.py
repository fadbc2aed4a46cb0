"""The domains, in order: each may know those before it. A new noun is one line here."""

from __future__ import annotations

from monynha.domains.activity import activity
from monynha.domains.notifications import notifications
from monynha.domains.posts import posts
from monynha.domains.projects import members, projects
from monynha.domains.projects.gestures import CURSOR
from monynha.domains.tasks import tasks
from monynha.domains.users import users
from monynha.engine.catalog import Catalog

DOMAINS = ("auth", "users", "posts", "projects", "tasks", "notifications", "activity")
"""The packages below `monynha.domains`, in the order in which their policies are applied."""

CATALOG = Catalog.of([users, posts, projects, members, tasks, notifications, activity])

GESTURES = (CURSOR,)
"""What people show each other on sockets and nobody keeps."""
