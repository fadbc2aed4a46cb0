"""How one setting is refused: an unknown name, a text of the wrong form, a feature that is not available."""

from __future__ import annotations

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("MONYNHA_WORKER", "did you mean MONYNHA_WORKERS?"),
        ("MONYNHA_AUTO_CONFIRM", "did you mean MONYNHA_AUTOCONFIRM?"),
        ("monynha_port", "did you mean MONYNHA_PORT?"),
        ("MONYNHA_PRTO", "did you mean MONYNHA_PORT?"),
        ("MONYNHA_XYZZY_QUUX_FROBOZZ", "docs/generated/settings.md lists all"),
    ],
)
def test_unknown_name_with_our_prefix_is_refused_with_a_hint(name: str, hint: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read({name: "1"})

    assert str(error.value) == f"{name}: there is no such setting; {hint}"


@pytest.mark.parametrize(
    "environ",
    [
        {"PATH": "/bin", "PORT": "1", "WORKERS": "4", "DATABASE": "x"},
        {"MONYNHA_WORKER": "", "MONYNHA_OF_OLD": " "},
        # What Kubernetes sets in a pod beside a service `monynha` and another `monynha-web`.
        {
            "MONYNHA_PORT": "8000",
            "MONYNHA_SERVICE_HOST": "10.0.0.1",
            "MONYNHA_SERVICE_PORT": "80",
            "MONYNHA_SERVICE_PORT_HTTP": "80",
            "MONYNHA_PORT_80_TCP": "tcp://10.0.0.1:80",
            "MONYNHA_PORT_80_TCP_ADDR": "10.0.0.1",
            "MONYNHA_WEB_PORT": "tcp://10.0.0.2:80",
            "MONYNHA_WEB_SERVICE_HOST": "10.0.0.2",
        },
    ],
)
def test_foreign_names_and_empty_texts_are_ignored(environ: dict[str, str]) -> None:
    assert Settings.read(environ) == Settings.read({})


@pytest.mark.parametrize(
    ("name", "text", "feature"),
    [
        ("DATABASE_REPLICA_URL", "postgresql://db.example/app", "reading from a replica"),
    ],
)
def test_setting_of_a_missing_feature_is_refused(name: str, text: str, feature: str) -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read({name: text})

    assert str(error.value) == f"{name}: {feature} is not available in this release; remove the setting"


def test_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(SettingsError) as error:
        Settings.read({"DATABASE_URL": "mysql://me:hush@db/app"})

    assert "hush" not in str(error.value)
