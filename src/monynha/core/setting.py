"""One setting: how it is declared, and how its text becomes a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

from monynha.core.errors import WrongSetting
from monynha.core.setting_kinds import Kind

PREFIX = "MONYNHA_"
T = TypeVar("T")
# Kubernetes tells every pod where the services are, one called `monynha` or `monynha-…` by such names too.
_NEIGHBOUR = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)"
)
_NEIGHBOURS_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


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


def refuse_unknown(texts: Mapping[str, str], known: Collection[str]) -> None:
    """Refuse a name that is ours and no setting (WrongSetting): a typo would leave a default in its place."""
    for name in sorted(texts):
        if name in known or not name.upper().startswith(PREFIX) or _is_neighbours(name, texts[name]):
            continue
        near = get_close_matches(name.upper(), known, n=1)
        hint = f"did you mean {near[0]}?" if near else "docs/generated/settings.md names all"
        raise WrongSetting(f"{name}: there is no such setting; {hint}")


def _is_neighbours(name: str, text: str) -> bool:
    is_port = name.endswith("_PORT") and _NEIGHBOURS_ADDRESS.match(text) is not None
    return is_port or _NEIGHBOUR.fullmatch(name) is not None
