"""Settings of signing in."""

from __future__ import annotations

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("none", frozenset({"none"})),
        ("enrolled", frozenset({"enrolled"})),
        ("admins", frozenset({"admins"})),
        ("enrolled, admins", frozenset({"enrolled", "admins"})),
    ],
)
def test_second_factors_are_required_of_whom_the_setting_names(text: str, parsed: frozenset[str]) -> None:
    assert Settings.read({"MONYNHA_REQUIRE_MFA": text}).require_mfa == parsed


@pytest.mark.parametrize("text", ["everybody", "none,admins", ","])
def test_who_cannot_be_named_stops_the_start(text: str) -> None:
    with pytest.raises(SettingsError, match="MONYNHA_REQUIRE_MFA"):
        Settings.read({"MONYNHA_REQUIRE_MFA": text})


def test_second_factors_are_required_of_those_who_have_one_by_default() -> None:
    assert Settings.read({}).require_mfa == frozenset({"enrolled"})
