"""The declaration of one setting, and how its text becomes a value."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeVar

from monynha.core.errors import SettingsError
from monynha.core.settings.setting_types import SettingType

PREFIX = "MONYNHA_"
T = TypeVar("T")
# Kubernetes sets such variables in every pod for each service of the namespace, and a service may be called
# `monynha` or `monynha-…`.
_KUBERNETES_VARIABLE = re.compile(
    rf"{PREFIX}(\w+_)?(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_\w+)?)"
)
_KUBERNETES_ADDRESS = re.compile(r"(tcp|udp|sctp)://")


@dataclass(frozen=True)
class Setting:
    """One setting: its name, what it accepts, its defaults and its documentation."""

    name: str
    value_type: SettingType[object]
    default: object
    production: object
    description: str
    missing_feature: str = ""
    """The feature this setting belongs to, where this release does not have it: the setting is refused."""


def setting_field(
    name: str,
    value_type: SettingType[T],
    default: T,
    description: str,
    *,
    production: T | None = None,
    missing_feature: str = "",
) -> T:
    """Declare a setting as a field of the `Settings` dataclass.

    `production` is the default in production, where that differs.
    """
    production_default = default if production is None else production
    setting = Setting(name, value_type, default, production_default, description, missing_feature)
    declared_field: T = field(default=default, repr=not value_type.is_secret, metadata={"setting": setting})
    return declared_field


def parse_setting(setting: Setting, texts: Mapping[str, str], *, is_production: bool) -> object:
    """Return the value of a setting, or its default where no text is given.

    Raises SettingsError for a text of the wrong form, and for a setting whose feature this release lacks.
    """
    text = texts.get(setting.name)
    if text is None:
        return setting.production if is_production else setting.default
    if setting.missing_feature:
        raise SettingsError(
            f"{setting.name}: {setting.missing_feature} is not available in this release; remove the setting"
        )
    try:
        return setting.value_type.parse(text)
    except (ValueError, RuntimeError):  # RuntimeError: a folder below the home of an unknown user
        given_text = "" if setting.value_type.is_secret else f", not {text[:80]!r}"
        raise SettingsError(f"{setting.name}: expected {setting.value_type.expects}{given_text}") from None


def refuse_unknown(texts: Mapping[str, str], known_names: Collection[str]) -> None:
    """Raise SettingsError for a name with our prefix that is no setting.

    A misspelled name would otherwise leave the default in force without a word.
    """
    for name in sorted(texts):
        if name in known_names or not name.upper().startswith(PREFIX) or _is_kubernetes_variable(name, texts[name]):
            continue
        similar_names = get_close_matches(name.upper(), known_names, n=1)
        hint = f"did you mean {similar_names[0]}?" if similar_names else "docs/generated/settings.md lists all"
        raise SettingsError(f"{name}: there is no such setting; {hint}")


def _is_kubernetes_variable(name: str, text: str) -> bool:
    is_port_address = name.endswith("_PORT") and _KUBERNETES_ADDRESS.match(text) is not None
    return is_port_address or _KUBERNETES_VARIABLE.fullmatch(name) is not None
