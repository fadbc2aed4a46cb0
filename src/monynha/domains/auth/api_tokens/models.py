"""The `tokens` resource: API tokens without their secrets."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Mapped

from monynha.engine.schema.columns import (
    Model,
    nullable_server_timestamp,
    nullable_text_list,
    primary_key,
    row_version,
    server_id,
    server_text,
    server_timestamp,
    short_text,
    text_list,
)
from monynha.engine.schema.resource import ConstraintMessage, Resource, filter_in

MAX_NAME_LENGTH = 100
MAX_PROJECTS = 100
_MAX_SCOPES = 3
_UUID_LENGTH = 36


class ApiToken(Model):
    """An API token: it acts for its owner, by its scopes and in its projects."""

    __tablename__ = "api_tokens"

    id: Mapped[UUID] = primary_key()
    user_id: Mapped[UUID] = server_id("Id of the user for whom it acts.")
    name: Mapped[str] = short_text(1, MAX_NAME_LENGTH, "Name of the token, for its owner.")
    prefix: Mapped[str] = short_text(1, 20, "How the token begins.")
    scopes: Mapped[list[str]] = text_list(
        _MAX_SCOPES,
        5,
        "What it allows: `read`; `write`, which includes it; `admin`, which is all that its owner may do.",
    )
    project_ids: Mapped[list[str] | None] = nullable_text_list(
        MAX_PROJECTS, _UUID_LENGTH, "Ids of the only projects that it reaches; null for all that its owner can see."
    )
    aal: Mapped[str] = server_text(10, "Assurance level of the session that created it, which its requests have.")
    last_used_at: Mapped[datetime | None] = nullable_server_timestamp(
        "When it was last used, within some minutes; null if it never was."
    )
    expires_at: Mapped[datetime | None] = nullable_server_timestamp("When it stops working; null if it never does.")
    created_at: Mapped[datetime] = server_timestamp("When it was created.")
    version: Mapped[int] = row_version()


tokens = Resource(
    ApiToken,
    "token",
    "tokens",
    filters=filter_in("userId"),
    sorts=("createdAt", "name"),
    operations=frozenset({"list", "read", "delete"}),
    constraint_messages={
        "token_name_is_not_blank": ConstraintMessage("name", "must not be empty"),
        "token_scopes_are_known": ConstraintMessage("scopes", "must be a list of read, write, admin"),
        "token_names_at_most_100_projects": ConstraintMessage("projectIds", "must have at most 100 items"),
        "user_has_too_many_tokens": ConstraintMessage.conflict("tokens", "are too many; revoke one first"),
    },
)
