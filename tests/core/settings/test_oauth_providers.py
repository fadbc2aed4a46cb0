"""Settings of providers: a wrong, half or misspelled one stops the start with a line that names it."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.core.errors import SettingsError
from monynha.core.settings.oauth_providers import family_name
from monynha.core.settings.settings import Settings

GOOGLE = {"MONYNHA_OAUTH_GOOGLE_CLIENT_ID": "id", "MONYNHA_OAUTH_GOOGLE_SECRET": "secret"}
OTHER = {
    "MONYNHA_OAUTH_MY_LOGIN_CLIENT_ID": "id",
    "MONYNHA_OAUTH_MY_LOGIN_SECRET": "secret",
    "MONYNHA_OAUTH_MY_LOGIN_ISSUER": "https://login.example.org/realms/a/",
}
APPLE = {
    "MONYNHA_OAUTH_APPLE_CLIENT_ID": "id",
    "MONYNHA_OAUTH_APPLE_SECRET": "-----BEGIN PRIVATE KEY-----\\nx\\n-----END PRIVATE KEY-----",
    "MONYNHA_OAUTH_APPLE_TEAM_ID": "team",
    "MONYNHA_OAUTH_APPLE_KEY_ID": "key",
}
PRODUCTION = {"APP_ENV": "production", "MONYNHA_AUTOCONFIRM": "on"}


def test_providers_are_read_by_name() -> None:
    settings = Settings.read({**GOOGLE, **OTHER, "MONYNHA_OAUTH_GOOGLE_CLIENT_ID": "web, android"})
    google, other = settings.oauth_providers

    assert (google.name, google.client_ids, google.secret, google.issuer) == (
        "google",
        ("web", "android"),
        "secret",
        None,
    )
    assert (other.name, other.issuer) == ("my_login", "https://login.example.org/realms/a/")
    assert Settings.read({}).oauth_providers == ()


def test_key_of_apple_may_be_written_in_one_line() -> None:
    [apple] = Settings.read(APPLE).oauth_providers

    assert apple.secret.splitlines() == ["-----BEGIN PRIVATE KEY-----", "x", "-----END PRIVATE KEY-----"]
    assert (apple.team_id, apple.key_id) == ("team", "key")


def test_secret_may_be_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("of the file\n")
    texts = {"MONYNHA_OAUTH_GITHUB_CLIENT_ID": "id", "MONYNHA_OAUTH_GITHUB_SECRET_FILE": str(path)}

    assert Settings.read(texts).oauth_providers[0].secret == "of the file"
    path.write_text(" \n")
    with pytest.raises(SettingsError, match=r"^MONYNHA_OAUTH_GITHUB_SECRET_FILE: .* is empty$"):
        Settings.read(texts)
    path.unlink()
    with pytest.raises(SettingsError, match=r"^MONYNHA_OAUTH_GITHUB_SECRET_FILE: .* cannot be read"):
        Settings.read(texts)


def test_another_process_reads_the_same_providers() -> None:
    settings = Settings.read({**GOOGLE, **OTHER, **APPLE, "MONYNHA_OAUTH_GOOGLE_SCOPES": "calendar mail"})

    assert Settings.read(settings.to_environment()) == settings


def test_no_secret_is_shown() -> None:
    assert "secret" not in repr(Settings.read(GOOGLE).oauth_providers).replace("secrets", "")


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (
            {"MONYNHA_OAUTH_GOOGLE_CLIENT_ID": "id"},
            "MONYNHA_OAUTH_GOOGLE_SECRET: is missing, because MONYNHA_OAUTH_GOOGLE_CLIENT_ID is set",
        ),
        (
            {"MONYNHA_OAUTH_GOOGLE_SECRET": "x"},
            "MONYNHA_OAUTH_GOOGLE_CLIENT_ID: is missing, because MONYNHA_OAUTH_GOOGLE_SECRET is set",
        ),
        (
            {**GOOGLE, "MONYNHA_OAUTH_GOOGLE_CLIENTID": "x"},
            "MONYNHA_OAUTH_GOOGLE_CLIENTID: there is no such setting; did you mean MONYNHA_OAUTH_GOOGLE_CLIENT_ID?",
        ),
        (
            {"MONYNHA_OAUTH_SERVR": "on"},
            "MONYNHA_OAUTH_SERVR: there is no such setting; did you mean MONYNHA_OAUTH_SERVER?",
        ),
        (
            {"MONYNHA_OAUTH_GOGLE_CLIENT_ID": "id", "MONYNHA_OAUTH_GOGLE_SECRET": "x"},
            "MONYNHA_OAUTH_GOGLE_ISSUER: is missing, because GOGLE is not a provider that is known"
            " (did you mean GOOGLE?)",
        ),
        (
            {"MONYNHA_OAUTH_MICROSOFT_CLIENT_ID": "id"},
            "MONYNHA_OAUTH_MICROSOFT_CLIENT_ID: this provider is called AZURE",
        ),
        (
            {key: text for key, text in APPLE.items() if not key.endswith("KEY_ID")},
            "MONYNHA_OAUTH_APPLE_KEY_ID: is missing, because MONYNHA_OAUTH_APPLE_CLIENT_ID is set",
        ),
        (
            {**APPLE, "MONYNHA_OAUTH_APPLE_ISSUER": "https://a.example"},
            "MONYNHA_OAUTH_APPLE_ISSUER: the provider APPLE has no such setting",
        ),
        (
            {**GOOGLE, "MONYNHA_OAUTH_GOOGLE_TEAM_ID": "x"},
            "MONYNHA_OAUTH_GOOGLE_TEAM_ID: the provider GOOGLE has no such setting",
        ),
        (
            {**GOOGLE, "MONYNHA_OAUTH_GOOGLE_SECRET_FILE": "/x"},
            "MONYNHA_OAUTH_GOOGLE_SECRET_FILE: set it or MONYNHA_OAUTH_GOOGLE_SECRET, not both",
        ),
        (
            {**OTHER, "MONYNHA_OAUTH_MY_LOGIN_ISSUER": "login.example.org"},
            "MONYNHA_OAUTH_MY_LOGIN_ISSUER: expected a URL like https://login.example.org, not 'login.example.org'",
        ),
        (
            {**OTHER, "MONYNHA_OAUTH_MY_LOGIN_ISSUER": "https://a.example/?x=1"},
            "MONYNHA_OAUTH_MY_LOGIN_ISSUER: expected a URL like https://login.example.org, not 'https://a.example/?x=1'",
        ),
        (
            {**OTHER, **PRODUCTION, "MONYNHA_OAUTH_MY_LOGIN_ISSUER": "http://login.example.org"},
            "MONYNHA_OAUTH_MY_LOGIN_ISSUER: production requires https://",
        ),
        (
            {f"MONYNHA_OAUTH_{'A' * 41}_CLIENT_ID": "id"},
            f"MONYNHA_OAUTH_{'A' * 41}_CLIENT_ID: the provider's name has at most 40 characters",
        ),
    ],
)
def test_setting_that_is_wrong_stops_the_start(texts: dict[str, str], message: str) -> None:
    with pytest.raises(SettingsError) as stopped:
        Settings.read(texts)

    assert str(stopped.value) == message


def test_issuer_on_this_machine_needs_no_tls() -> None:
    texts = {**OTHER, **PRODUCTION, "MONYNHA_OAUTH_MY_LOGIN_ISSUER": "http://127.0.0.1:8080"}

    assert Settings.read(texts).oauth_providers[0].issuer == "http://127.0.0.1:8080"


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("MONYNHA_OAUTH_GOOGLE_CLIENT_ID", "MONYNHA_OAUTH_<NAME>_CLIENT_ID"),
        ("MONYNHA_OAUTH_MY_LOGIN_SECRET_FILE", "MONYNHA_OAUTH_<NAME>_SECRET_FILE"),
        ("MONYNHA_OAUTH_CLIENT_ID", None),
        ("MONYNHA_OAUTH__CLIENT_ID", None),
        ("MONYNHA_PORT", None),
    ],
)
def test_names_of_the_family_are_recognized(name: str, family: str | None) -> None:
    assert family_name(name) == family
