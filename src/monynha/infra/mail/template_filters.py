"""Filters of mail templates: how dates and changes are written in each language."""

from __future__ import annotations

from datetime import date

_MONTHS = {
    "en": "January|February|March|April|May|June|July|August|September|October|November|December",
    "pt-BR": "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
}
_DAY_FORMATS = {"en": "{day} {month}", "pt-BR": "{day} de {month}"}


def format_day(day: str, locale: str) -> str:
    """Return the day and month of an ISO date as the language writes them: `16 November`, `16 de novembro`."""
    parsed = date.fromisoformat(day)
    return _DAY_FORMATS[locale].format(day=parsed.day, month=_MONTHS[locale].split("|")[parsed.month - 1])


def format_change(change: int) -> str:
    """Return a difference with its sign, empty for none."""
    return f"{change:+}".replace("-", "\u2212") if change else ""
