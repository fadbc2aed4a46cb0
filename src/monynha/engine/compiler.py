"""Selection to SQL: one statement whose answer is the finished JSON, built once per shape.

A single row answers `[version, row]`; a list answers `[total or null, cursor or null, rows]`, so that what
the protocol needs to know stands in front and the rest passes through unopened. A question of several
selections answers one object, with a member for each.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from monynha.core.remembered import Remembered
from monynha.engine.selection import Question, Selection, Shape
from monynha.engine.tree import Tree
from monynha.infra.postgres.database import CLAIM_BINDS

_LONGEST = 20_000
"""Up to how many characters a statement is remembered; longer ones are rare, and soon made."""
_PLACE = re.compile(r"\$v(\d+)")


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
            if len(known.text) <= _LONGEST:
                self._known.keep(shape, known)
        return known


def _compile(asked: Selection | Question, *, guarded: bool) -> Statement:
    build = Tree()
    value = _scoped(build, asked)
    order: list[int] = []
    places: dict[str, int] = {}

    def numbered(place: re.Match[str]) -> str:
        # What is asked of a page may need only some of its values, and PostgreSQL wants no gaps.
        name = place[1]
        if name not in places:
            order.append(int(name))
            places[name] = len(order) + (CLAIM_BINDS if guarded else 0)
        return f"${places[name]}"

    value = _PLACE.sub(numbered, value)
    if guarded:
        enter = "auth.enter($1::text, $2::uuid, $3::uuid)"
        value = f"case when {enter} then {value} else 'false'::json end"
    return Statement(f"select {value}", tuple(order), asked.is_light)


def _scoped(build: Tree, asked: Selection | Question) -> str:
    scope = asked.scope
    if scope is None:
        return _answer(build, asked)
    table, key = scope.resource.table.name, scope.resource.own_key.name
    visible = f"exists (select 1 from {table} scope where scope.{key} = {build.bind('uuid')})"
    return f"case when {visible} then {_answer(build, asked)} end"


def _answer(build: Tree, asked: Selection | Question) -> str:
    if isinstance(asked, Question):
        return build.question(asked)
    return build.one(asked) if asked.key else build.page(asked)
