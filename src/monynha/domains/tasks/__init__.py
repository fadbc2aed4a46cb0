"""Tasks: the work in a project."""

from monynha.domains.tasks.models import Task, tasks

__all__ = ["Task", "tasks"]
