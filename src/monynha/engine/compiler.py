"""Selection to SQL: one statement whose answer is the finished JSON, built once per shape.

A single row answers `[version, row]`; a list answers `[total or null, cursor or null, rows]`, so that what
the protocol needs to know stands in front and the rest passes through unopened. A question of several
selections answers one object, with a member for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Text, Uuid, bindparam, case, func, literal_column, null, select
from sqlalchemy.sql import ColumnElement

from monynha.core.remembered import Remembered
from monynha.engine.expressions import DIALECT
from monynha.engine.selection import Question, Selection, Shape
from monynha.engine.tree import Tree


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text, for each of its binds which of the selection's values it takes, and whether it is light."""

    text: str
    order: tuple[int, ...]
    is_light: bool

    def arrange(self, values: Iterable[object]) -> list[object]:
        """Return the selection's values in the order of the text's binds."""
        given = list(values)
        return [given[index] for index in self.order]


class Compiler:
    """Turns questions into statements and remembers them by shape, up to `size` of them."""

    def __init__(self, size: int = 2000) -> None:
        self._known: Remembered[Shape, Statement] = Remembered(size)

    def statement(self, asked: Selection | Question, *, within_transaction: bool = False) -> Statement:
        """Return the statement for what is asked; within a transaction the claims are set already."""
        shape = (within_transaction, *asked.shape())
        known = self._known.get(shape)
        if known is None:
            known = _compile(asked, guarded=not within_transaction)
            self._known.keep(shape, known)
        return known


def _compile(asked: Selection | Question, *, guarded: bool) -> Statement:
    build = Tree()
    value = _scoped(build, asked)
    if guarded:
        enter = func.auth.enter(
            bindparam("claims", type_=Text()),
            bindparam("sub", type_=Uuid()),
            bindparam("session", type_=Uuid()),
        )
        value = case((enter, value), else_=literal_column("'false'::json"))
    compiled = select(value).compile(dialect=DIALECT)
    names: list[str] = compiled.positiontup or []
    own = names[3:] if guarded else names
    return Statement(str(compiled), tuple(int(name[1:]) for name in own), asked.is_light)


def _scoped(build: Tree, asked: Selection | Question) -> ColumnElement[Any]:
    scope = asked.scope
    if scope is None:
        return _answer(build, asked)
    parent = scope.resource.table.alias("scope")
    visible = (
        select(literal_column("1"))
        .select_from(parent)
        .where(parent.c[scope.resource.own_key.name] == build.bind(Uuid()))
        .exists()
    )
    return case((visible, _answer(build, asked)), else_=null())


def _answer(build: Tree, asked: Selection | Question) -> ColumnElement[Any]:
    if isinstance(asked, Question):
        return build.question(asked)
    return (build.one(asked) if asked.key else build.page(asked)).scalar_subquery()
