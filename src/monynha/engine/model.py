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


class Kind(StrEnum):
    """What sort of value a column holds."""

    ID = "id"
    TEXT = "text"
    CHOICE = "choice"
    INSTANT = "instant"
    FLAG = "flag"
    WORDS = "words"
    OBJECT = "object"
    URL = "url"
    ADDRESS = "address"
    NUMBER = "number"
    VERSION = "version"


@dataclass(frozen=True)
class Rules:
    """What may be written into a column, and by whom."""

    kind: Kind
    least: int = 0
    most: int | None = None
    trimmed: bool = False
    choices: tuple[str, ...] = ()
    creatable: bool = True
    updatable: bool = True
    default: bool = False
    """Whether a create may leave it out."""
    found_by: tuple[str, str] | None = None
    """Another input that finds the value, and the SQL function that does."""
    is_personal: bool = False
    """Whether the history forgets it with the row it told of."""
    seen_through: str | None = None
    """The view through which alone it is read, with the column `id` of the row it belongs to."""


def _column(rules: Rules, *args: Any, nullable: bool = False, **options: Any) -> MappedColumn[Any]:
    return mapped_column(*args, nullable=nullable, info={"rules": rules}, **options)


def key() -> MappedColumn[UUID]:
    """The primary key: a UUID that the database makes."""
    rules = Rules(Kind.ID, creatable=False, updatable=False)
    return _column(rules, Uuid, primary_key=True, doc="The id, a UUID.")


def belongs_to(target: str, doc: str, *, part_of_key: bool = False) -> MappedColumn[UUID]:
    """The parent's id: set by the address of the create, never changed."""
    rules = Rules(Kind.ID, creatable=False, updatable=False)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), primary_key=part_of_key, doc=doc)


def made_by(target: str, doc: str) -> MappedColumn[UUID]:
    """The id of whoever creates the row; the database fills it in."""
    rules = Rules(Kind.ID, creatable=False, updatable=False, default=True)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), doc=doc)


def refers_to(
    target: str, doc: str, *, part_of_key: bool = False, found_by: tuple[str, str] | None = None
) -> MappedColumn[UUID]:
    """The id of another row, given on create; `found_by` names another input that may be given instead."""
    rules = Rules(Kind.ID, updatable=False, found_by=found_by)
    return _column(rules, Uuid, ForeignKey(target, ondelete="CASCADE"), primary_key=part_of_key, doc=doc)


def may_refer_to(doc: str) -> MappedColumn[UUID | None]:
    """The id of another row, or null. The migration says what is referred to."""
    return _column(Rules(Kind.ID, default=True), Uuid, nullable=True, doc=doc)


def text(least: int, most: int, doc: str, *, is_personal: bool = False) -> MappedColumn[str]:
    """One line of text, trimmed, of so many characters."""
    rules = Rules(Kind.TEXT, least, most, trimmed=True, is_personal=is_personal)
    return _column(rules, String(most), doc=doc)


def prose(most_bytes: int, doc: str) -> MappedColumn[str]:
    """Text of any number of lines, in bytes of UTF-8 at most; kept as it is sent."""
    return _column(Rules(Kind.TEXT, most=most_bytes), Text, doc=doc)


def maybe_prose(most_bytes: int, doc: str) -> MappedColumn[str | None]:
    """Text of any number of lines, or null."""
    return _column(Rules(Kind.TEXT, most=most_bytes, default=True), Text, nullable=True, doc=doc)


def maybe_url(most: int, doc: str, *, is_personal: bool = False) -> MappedColumn[str | None]:
    """An http or https address, or null."""
    rules = Rules(Kind.URL, most=most, default=True, is_personal=is_personal)
    return _column(rules, String(most), nullable=True, doc=doc)


def choice(options: type[StrEnum], length: int, doc: str) -> MappedColumn[str]:
    """One of a few words, ranked as they are listed; the database knows the default."""
    words = tuple(option.value for option in options)
    return _column(Rules(Kind.CHOICE, choices=words, default=True), String(length), doc=doc)


def words(most: int, longest: int, doc: str) -> MappedColumn[list[str]]:
    """A list of short texts."""
    return _column(Rules(Kind.WORDS, longest, most, default=True), ARRAY(Text), doc=doc)


def json_object(most_bytes: int, doc: str) -> MappedColumn[dict[str, object]]:
    """A JSON object of at most so many bytes."""
    return _column(Rules(Kind.OBJECT, most=most_bytes, default=True), JSONB, doc=doc)


def maybe_values(doc: str) -> MappedColumn[dict[str, object] | None]:
    """A JSON object that the database keeps, or null."""
    rules = Rules(Kind.OBJECT, creatable=False, updatable=False)
    return _column(rules, JSONB, nullable=True, doc=doc)


def instant(doc: str) -> MappedColumn[datetime]:
    """A time that the database sets."""
    return _column(Rules(Kind.INSTANT, creatable=False, updatable=False), DateTime(timezone=True), doc=doc)


def maybe_instant(doc: str) -> MappedColumn[datetime | None]:
    """A time that people set, or null."""
    return _column(Rules(Kind.INSTANT, default=True), DateTime(timezone=True), nullable=True, doc=doc)


def maybe_past(doc: str) -> MappedColumn[datetime | None]:
    """A time that the database sets, or null as long as it has not come."""
    rules = Rules(Kind.INSTANT, creatable=False, updatable=False, default=True)
    return _column(rules, DateTime(timezone=True), nullable=True, doc=doc)


def number(doc: str) -> MappedColumn[int]:
    """A whole number that the database sets."""
    return _column(Rules(Kind.NUMBER, creatable=False, updatable=False), BigInteger, doc=doc)


def address(view: str, doc: str) -> MappedColumn[str | None]:
    """A mail address, read only through the view that knows who may see it."""
    rules = Rules(Kind.ADDRESS, most=255, creatable=False, updatable=False, seen_through=view)
    return _column(rules, String(255), nullable=True, doc=doc)


def flag_seen_through(view: str, doc: str) -> MappedColumn[bool | None]:
    """A yes or no, read only through the view that knows who may see it."""
    rules = Rules(Kind.FLAG, creatable=False, updatable=False, seen_through=view)
    return _column(rules, Boolean, nullable=False, doc=doc)


def version() -> MappedColumn[int]:
    """The row's version, raised by the database with each real change; it makes the ETag and is not shown."""
    return _column(Rules(Kind.VERSION, creatable=False, updatable=False), BigInteger)


SqlExpression = Callable[[str], str]
"""Given what the row's table is called, an expression over it."""
