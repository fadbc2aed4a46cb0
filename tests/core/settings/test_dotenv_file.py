"""The `.env` file: what is read from it, what it yields to, and what is refused in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.settings import Settings

SECRET = "f3a9c1d27b604e58a9d0b1c2e3f40516"


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    """The path of a `.env` file that is not there yet."""
    return tmp_path / ".env"


def test_environment_takes_precedence_over_the_file(dotenv: Path) -> None:
    dotenv.write_text("# mine\nexport MONYNHA_PORT=9001\nLOG_LEVEL='debug'\nJWT_SECRET=\"" + SECRET + '$x"\n')

    settings = Settings.read({"MONYNHA_PORT": "9002"}, dotenv)

    assert settings.port == 9002
    assert settings.log_level == "debug"
    assert settings.jwt_secret == SECRET + "$x"


def test_missing_file_sets_nothing(dotenv: Path) -> None:
    assert Settings.read({}, dotenv) == Settings.read({})


def test_malformed_line_is_refused_by_its_number(dotenv: Path) -> None:
    dotenv.write_text("LOG_LEVEL=info\nthis is = 'not\n")

    with pytest.raises(SettingsError, match=r"^\.env: line 2 is not NAME=value$"):
        Settings.read({}, dotenv)


def test_file_that_is_not_text_is_refused(dotenv: Path) -> None:
    dotenv.write_bytes(b"LOG_LEVEL=\xff\n")

    with pytest.raises(SettingsError, match=r"^\.env: it cannot be read \(UnicodeDecodeError\)$"):
        Settings.read({}, dotenv)


def test_unknown_name_in_the_file_is_refused(dotenv: Path) -> None:
    dotenv.write_text("MONYNHA_TRUSTED_PROXY=10.0.0.0/8\n")

    with pytest.raises(SettingsError, match=r"^MONYNHA_TRUSTED_PROXY: .* MONYNHA_TRUSTED_PROXIES\?$"):
        Settings.read({}, dotenv)
