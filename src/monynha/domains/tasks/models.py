"""Tasks, as the API knows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.model import (
    Model,
    belongs_to,
    choice,
    instant,
    key,
    may_refer_to,
    maybe_instant,
    maybe_prose,
    text,
    version,
    words,
)
from monynha.engine.resource import Link, Resource, Rule, Told, around, equal, has, search


class TaskStatus(StrEnum):
    """How far the work is."""

    TODO = "todo"
    IN_PROGRESS = "in_progress"
    REVIEW = "review"
    DONE = "done"


class TaskPriority(StrEnum):
    """How soon it matters, least first."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    URGENT = "urgent"


class Task(Model):
    """A piece of work in a project."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = key()
    project_id: Mapped[UUID] = belongs_to("projects.id", "The project it belongs to.")
    title: Mapped[str] = text(1, 500, "What is to be done.")
    description: Mapped[str | None] = maybe_prose(100_000, "All there is to say about it.")
    status: Mapped[str] = choice(TaskStatus, 50, "How far it is.")
    priority: Mapped[str] = choice(TaskPriority, 20, "How soon it matters.")
    assignee_id: Mapped[UUID | None] = may_refer_to("Who does it; a member of the project.")
    due_date: Mapped[datetime | None] = maybe_instant("When it is due.")
    tags: Mapped[list[str]] = words(50, 50, "Words to find it by.")
    created_at: Mapped[datetime] = instant("When it was made.")
    updated_at: Mapped[datetime] = instant("When it changed last.")
    version: Mapped[int] = version()


tasks = Resource(
    Task,
    "task",
    "tasks",
    within=Link(projects, Task.project_id),
    links={"assignee": Link(users, Task.assignee_id, inverse="assignedTasks")},
    filters=(
        *equal("status", "priority", "assigneeId"),
        has("tag", "tags"),
        *around("due", "dueDate"),
        search("title", "description"),
    ),
    told_to=(Told("project", Task.project_id),),
    sorts=("createdAt", "updatedAt", "title", "dueDate", "priority", "status"),
    rules={
        "a task has a title": Rule("title", "must not be empty"),
        "an assignee is a member of the project": Rule("assigneeId", "must be a member of the project"),
    },
)
