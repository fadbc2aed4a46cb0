"""Activity: who changed what in a project.

models: the `activity` resource, a view of the event log
policies.sql: rights on the view
"""

from monynha.domains.activity.models import ActivityEntry, activity

__all__ = ["ActivityEntry", "activity"]
