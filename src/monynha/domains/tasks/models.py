"""The `tasks` resource."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.domains.projects import projects
from monynha.domains.users import users
from monynha.engine.schema.columns import (
    Choice,
    Model,
    choice_of,
    nullable_foreign_key,
    nullable_long_text,
    nullable_timestamp,
    parent_id,
    primary_key,
    row_version,
    server_timestamp,
    short_text,
    text_list,
)
from monynha.engine.schema.resource import (
    ConstraintMessage,
    EventStream,
    ForeignRelation,
    Resource,
    filter_in,
    filter_overlaps,
    filter_range,
    filter_search,
)


class TaskStatus(Choice):
    """The progress of a task, from first to last."""

    TODO = "todo", "Not begun."
    IN_PROGRESS = "in_progress", "Somebody works on it."
    REVIEW = "review", "Waits for somebody to look at it."
    DONE = "done", "Finished."


class TaskPriority(Choice):
    """The priority of a task, from lowest to highest."""

    LOW = "low", "When nothing else is to be done."
    MEDIUM = "medium", "The usual priority."
    HIGH = "high", "Before the usual tasks."
    URGENT = "urgent", "Before all others."


class Task(Model):
    """A task of a project."""

    __tablename__ = "tasks"

    id: Mapped[UUID] = primary_key()
    project_id: Mapped[UUID] = parent_id("projects.id", "Id of the project.")
    title: Mapped[str] = short_text(1, 500, "What needs to be done.")
    description: Mapped[str | None] = nullable_long_text(100_000, "Details of the task.")
    status: Mapped[str] = choice_of(TaskStatus, 50, "Progress of the task.")
    priority: Mapped[str] = choice_of(TaskPriority, 20, "Priority of the task.")
    assignee_id: Mapped[UUID | None] = nullable_foreign_key(
        "Id of the assignee, a member of the project; null if unassigned."
    )
    due_date: Mapped[datetime | None] = nullable_timestamp("When the task is due.")
    tags: Mapped[list[str]] = text_list(50, 50, "Tags to filter by.")
    created_at: Mapped[datetime] = server_timestamp("When the task was created.")
    updated_at: Mapped[datetime] = server_timestamp("When the task was last changed.")
    version: Mapped[int] = row_version()


tasks = Resource(
    Task,
    "task",
    "tasks",
    parent=ForeignRelation(projects, Task.project_id),
    foreign_relations={"assignee": ForeignRelation(users, Task.assignee_id, inverse="assignedTasks")},
    filters=(
        *filter_in("status", "priority", "assigneeId"),
        filter_overlaps("tag", "tags"),
        *filter_range("due", "dueDate"),
        filter_search("title", "description"),
    ),
    streams=(EventStream("project", Task.project_id),),
    sorts=("createdAt", "updatedAt", "title", "dueDate", "priority", "status"),
    constraint_messages={
        "task_title_is_not_blank": ConstraintMessage("title", "must not be empty"),
        "task_assignee_is_a_member": ConstraintMessage("assigneeId", "must be a member of the project"),
    },
)
