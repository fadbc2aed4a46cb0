"""Tasks of projects.

models: the `tasks` resource
policies.sql: who can view and change which task
"""

from monynha.domains.tasks.models import Task, tasks

__all__ = ["Task", "tasks"]
