"""Filters of mail templates: how dates and changes are written in each language."""

from __future__ import annotations

from datetime import UTC, date, datetime

_MONTHS = {
    "en": "January|February|March|April|May|June|July|August|September|October|November|December",
    "pt-BR": "janeiro|fevereiro|março|abril|maio|junho|julho|agosto|setembro|outubro|novembro|dezembro",
}
_DAY_FORMATS = {"en": "{day} {month}", "pt-BR": "{day} de {month}"}
_MOMENT_FORMATS = {"en": "{day} {year}, {time} UTC", "pt-BR": "{day} de {year}, {time} UTC"}


def format_day(day: str, locale: str) -> str:
    """Return the day and month of an ISO date as the language writes them: `16 November`, `16 de novembro`."""
    parsed = date.fromisoformat(day)
    return _DAY_FORMATS[locale].format(day=parsed.day, month=_MONTHS[locale].split("|")[parsed.month - 1])


def format_moment(moment: str, locale: str) -> str:
    """Return an ISO time in UTC as the language writes it: `27 November 2026, 18:37 UTC`."""
    parsed = datetime.fromisoformat(moment).astimezone(UTC)
    day = format_day(parsed.date().isoformat(), locale)
    return _MOMENT_FORMATS[locale].format(day=day, year=parsed.year, time=f"{parsed:%H:%M}")


def format_change(change: int) -> str:
    """Return a difference with its sign, empty for none."""
    return f"{change:+}".replace("-", "\u2212") if change else ""
