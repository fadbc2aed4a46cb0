"""One setting: how it is declared, and how its text becomes a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from monynha.core.errors import WrongSetting
from monynha.core.setting_kinds import Kind

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """One setting as the documentation shows it."""

    name: str
    kind: Kind[Any]
    default: object
    production: object
    says: str


def declared(name: str, kind: Kind[T], default: T, says: str, *, production: T | None = None) -> T:
    """Declare a setting; `production` is its default there, where that differs."""
    strict = default if production is None else production
    shown = Setting(name, kind, default, strict, says)
    made: T = field(default=default, repr=not kind.hidden, metadata={"setting": shown})
    return made


def parsed(setting: Setting, texts: Mapping[str, str], *, strict: bool) -> Any:
    """Return the value, or the default where no text is given; a wrong text is refused (WrongSetting)."""
    text = texts.get(setting.name)
    if text is None:
        return setting.production if strict else setting.default
    try:
        return setting.kind.parse(text)
    except (ValueError, RuntimeError):  # RuntimeError: a folder below an unknown person's home
        shown = "" if setting.kind.hidden else f", not {text[:80]!r}"
        raise WrongSetting(f"{setting.name}: expected {setting.kind.expects}{shown}") from None
