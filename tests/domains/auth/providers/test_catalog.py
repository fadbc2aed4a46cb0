"""Names of providers: what clients request, what the settings are called, what identities have."""

from __future__ import annotations

import pytest

from monynha.core.settings.oauth_providers import OAuthProviderSettings
from monynha.domains.auth.providers.catalog import build_providers, display_name, provider_key, wire_name
from monynha.domains.auth.providers.github_provider import GitHubProvider
from monynha.domains.auth.providers.oidc_provider import OidcProvider
from monynha.infra.outgoing_http import OutgoingHttp
from tests.domains.auth.manual_clock import ManualClock


@pytest.mark.parametrize(
    ("requested", "key"),
    [
        ("google", "google"),
        ("Google", "google"),
        ("custom:my-login", "my_login"),
        ("my_login", "my_login"),
        ("", ""),
        ("custom:", ""),
    ],
)
def test_provider_is_found_by_the_name_that_clients_use(requested: str, key: str) -> None:
    assert provider_key(requested) == key


def test_names_that_clients_do_not_know_are_custom() -> None:
    assert [wire_name(name) for name in ("google", "keycloak", "my_login")] == ["google", "keycloak", "custom:my_login"]


def test_people_read_names_as_they_are_written() -> None:
    names = ("azure", "github", "google", "custom:my_login", "email")

    assert [display_name(name) for name in names] == ["Microsoft", "GitHub", "Google", "My login", "Email"]


def test_each_provider_has_its_issuer() -> None:
    settings = tuple(
        OAuthProviderSettings(name, ("id",), "secret", issuer=issuer)
        for name, issuer in (
            ("azure", None),
            ("github", None),
            ("gitlab", "https://git.example.org"),
            ("google", None),
            ("my_login", "https://login.example.org/"),
        )
    )
    providers = build_providers(settings, redirect_uri="x", http=OutgoingHttp(), clock=ManualClock())

    issuers = {
        key: provider.discovery._issuer if isinstance(provider, OidcProvider) else None
        for key, provider in providers.items()
    }
    assert issuers == {
        "azure": "https://login.microsoftonline.com/common/v2.0",
        "github": None,
        "gitlab": "https://git.example.org",
        "google": "https://accounts.google.com",
        "my_login": "https://login.example.org/",
    }
    assert isinstance(providers["github"], GitHubProvider)
