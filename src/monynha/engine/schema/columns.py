"""How a resource's columns are declared: one typed SQLAlchemy model, one word a column.

Each word states the column's type and its rules at once; everything else (routes, validation, documentation,
grants) is derived from it. The rules travel in the column's `info`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, DateTime, ForeignKey, String, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, MappedColumn, mapped_column


class Model(DeclarativeBase):
    """What every row type derives from."""


class ColumnType(StrEnum):
    """What sort of value a column holds."""

    UUID = "id"
    TEXT = "text"
    ENUM = "choice"
    TIMESTAMP = "instant"
    BOOLEAN = "flag"
    TEXT_LIST = "words"
    JSON_OBJECT = "object"
    URL = "url"
    EMAIL = "address"
    INTEGER = "number"
    ROW_VERSION = "version"


@dataclass(frozen=True)
class ColumnRules:
    """What may be written into a column, and by whom."""

    type: ColumnType
    min_length: int = 0
    max_length: int | None = None
    is_trimmed: bool = False
    choices: tuple[str, ...] = ()
    is_creatable: bool = True
    is_updatable: bool = True
    has_default: bool = False
    """Whether a create may leave it out."""
    lookup: tuple[str, str] | None = None
    """Another input that finds the value, and the SQL function that does."""
    is_personal: bool = False
    """Whether the history forgets it with the row it told of."""
    read_via_view: str | None = None
    """The view through which alone it is read, with the column `id` of the row it belongs to."""


def _column(rules: ColumnRules, *args: Any, is_nullable: bool = False, **options: Any) -> MappedColumn[Any]:
    return mapped_column(*args, nullable=is_nullable, info={"rules": rules}, **options)


def primary_key() -> MappedColumn[UUID]:
    """The primary key: a UUID that the database makes."""
    rules = ColumnRules(ColumnType.UUID, is_creatable=False, is_updatable=False)
    return _column(rules, Uuid, primary_key=True, doc="The id, a UUID.")


def parent_id(target: str, doc: str, *, is_primary_key: bool = False) -> MappedColumn[UUID]:
    """The parent's id: set by the address of the create, never changed."""
    rules = ColumnRules(ColumnType.UUID, is_creatable=False, is_updatable=False)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), primary_key=is_primary_key, doc=doc)


def creator_id(target: str, doc: str) -> MappedColumn[UUID]:
    """The id of whoever creates the row; the database fills it in."""
    rules = ColumnRules(ColumnType.UUID, is_creatable=False, is_updatable=False, has_default=True)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), doc=doc)


def foreign_key(
    target: str, doc: str, *, is_primary_key: bool = False, lookup: tuple[str, str] | None = None
) -> MappedColumn[UUID]:
    """The id of another row, given on create; `found_by` names another input that may be given instead."""
    rules = ColumnRules(ColumnType.UUID, is_updatable=False, lookup=lookup)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), primary_key=is_primary_key, doc=doc)


def nullable_foreign_key(doc: str) -> MappedColumn[UUID | None]:
    """The id of another row, or null. The migration says what is referred to."""
    return _column(ColumnRules(ColumnType.UUID, has_default=True), Uuid, is_nullable=True, doc=doc)


def short_text(min_length: int, max_length: int, doc: str, *, is_personal: bool = False) -> MappedColumn[str]:
    """One line of text, trimmed, of so many characters."""
    rules = ColumnRules(ColumnType.TEXT, min_length, max_length, is_trimmed=True, is_personal=is_personal)
    return _column(rules, String(max_length), doc=doc)


def long_text(max_bytes: int, doc: str) -> MappedColumn[str]:
    """Text of any number of lines, in bytes of UTF-8 at most; kept as it is sent."""
    return _column(ColumnRules(ColumnType.TEXT, max_length=max_bytes), Text, doc=doc)


def nullable_long_text(max_bytes: int, doc: str) -> MappedColumn[str | None]:
    """Text of any number of lines, or null."""
    return _column(
        ColumnRules(ColumnType.TEXT, max_length=max_bytes, has_default=True), Text, is_nullable=True, doc=doc
    )


def nullable_url(max_length: int, doc: str, *, is_personal: bool = False) -> MappedColumn[str | None]:
    """An http or https address, or null."""
    rules = ColumnRules(ColumnType.URL, max_length=max_length, has_default=True, is_personal=is_personal)
    return _column(rules, String(max_length), is_nullable=True, doc=doc)


def choice_of(choices: type[StrEnum], max_length: int, doc: str) -> MappedColumn[str]:
    """One of a few words, ranked as they are listed; the database knows the default."""
    choice_values = tuple(option.value for option in choices)
    return _column(ColumnRules(ColumnType.ENUM, choices=choice_values, has_default=True), String(max_length), doc=doc)


def text_list(max_items: int, max_item_length: int, doc: str) -> MappedColumn[list[str]]:
    """A list of short texts."""
    return _column(
        ColumnRules(ColumnType.TEXT_LIST, max_item_length, max_items, has_default=True), ARRAY(Text), doc=doc
    )


def json_object(max_bytes: int, doc: str) -> MappedColumn[dict[str, object]]:
    """A JSON object of at most so many bytes."""
    return _column(ColumnRules(ColumnType.JSON_OBJECT, max_length=max_bytes, has_default=True), JSONB, doc=doc)


def nullable_server_json(doc: str) -> MappedColumn[dict[str, object] | None]:
    """A JSON object that the database keeps, or null."""
    rules = ColumnRules(ColumnType.JSON_OBJECT, is_creatable=False, is_updatable=False)
    return _column(rules, JSONB, is_nullable=True, doc=doc)


def server_timestamp(doc: str) -> MappedColumn[datetime]:
    """A time that the database sets."""
    return _column(
        ColumnRules(ColumnType.TIMESTAMP, is_creatable=False, is_updatable=False),
        DateTime(timezone=True),
        doc=doc,
    )


def nullable_timestamp(doc: str) -> MappedColumn[datetime | None]:
    """A time that people set, or null."""
    return _column(
        ColumnRules(ColumnType.TIMESTAMP, has_default=True),
        DateTime(timezone=True),
        is_nullable=True,
        doc=doc,
    )


def nullable_server_timestamp(doc: str) -> MappedColumn[datetime | None]:
    """A time that the database sets, or null as long as it has not come."""
    rules = ColumnRules(ColumnType.TIMESTAMP, is_creatable=False, is_updatable=False, has_default=True)
    return _column(rules, DateTime(timezone=True), is_nullable=True, doc=doc)


def server_integer(doc: str) -> MappedColumn[int]:
    """A whole number that the database sets."""
    return _column(ColumnRules(ColumnType.INTEGER, is_creatable=False, is_updatable=False), BigInteger, doc=doc)


def email_via_view(view: str, doc: str) -> MappedColumn[str | None]:
    """A mail address, read only through the view that knows who may see it."""
    rules = ColumnRules(ColumnType.EMAIL, max_length=255, is_creatable=False, is_updatable=False, read_via_view=view)
    return _column(rules, String(255), is_nullable=True, doc=doc)


def boolean_via_view(view: str, doc: str) -> MappedColumn[bool | None]:
    """A yes or no, read only through the view that knows who may see it."""
    rules = ColumnRules(ColumnType.BOOLEAN, is_creatable=False, is_updatable=False, read_via_view=view)
    return _column(rules, Boolean, is_nullable=False, doc=doc)


def row_version() -> MappedColumn[int]:
    """The row's version, raised by the database with each real change; it makes the ETag and is not shown."""
    return _column(ColumnRules(ColumnType.ROW_VERSION, is_creatable=False, is_updatable=False), BigInteger)


SqlExpression = Callable[[str], str]
"""Given what the row's table is called, an expression over it."""
