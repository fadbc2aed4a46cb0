"""Prepared queries: SQL that is compiled once and executed many times, with parameters among its binds.

REST reads bring the ids of the path, GraphQL queries the variables of a request, and subscriptions the values of an
event: each is the source (`SourceT`) that the parameters of its queries are resolved from.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

SourceT = TypeVar("SourceT")


@dataclass(frozen=True, slots=True, eq=False)
class Parameter(Generic[SourceT]):
    """Stands in a selection for a value that each execution brings."""

    resolve: Callable[[SourceT], object]
    """Return the value for one execution, from its source."""


@dataclass(frozen=True, slots=True)
class PreparedQuery(Generic[SourceT]):
    """A compiled statement with its bind values, in the order of the text's binds."""

    text: str
    bind_values: tuple[object, ...]
    """Constants, and a `Parameter` where the value is brought by the execution."""
    is_light: bool
    """Whether it may share its connection with other queries (`Selection.is_light`)."""
    cost: int
    """How many rows it can return at most, with all that is nested."""

    def bind(self, source: SourceT) -> list[object]:
        """Return the bind values of one execution."""
        return [value.resolve(source) if type(value) is Parameter else value for value in self.bind_values]


def resolve_value(value: object, source: object) -> object:
    """Return the value of a parameter; anything else is returned as it is."""
    return value.resolve(source) if isinstance(value, Parameter) else value
