"""What `monynha doctor` says of the providers that people sign in with."""

from __future__ import annotations

from monynha.app.maintenance.doctor import check_providers
from monynha.core.settings.settings import Settings
from tests.domains.auth.forged_issuer import ForgedIssuer

TEXTS = {
    "MONYNHA_OAUTH_KEYCLOAK_CLIENT_ID": "id",
    "MONYNHA_OAUTH_KEYCLOAK_SECRET": "secret",
    "MONYNHA_OAUTH_KEYCLOAK_ISSUER": "https://login.example.org",
    "MONYNHA_OAUTH_GITHUB_CLIENT_ID": "id",
    "MONYNHA_OAUTH_GITHUB_SECRET": "secret",
}


async def test_provider_that_can_be_reached_is_fine_and_another_is_a_warning() -> None:
    settings, issuer = Settings.read(TEXTS), ForgedIssuer()

    fine = await check_providers(settings, issuer.http)
    issuer.keys = []
    without_keys = await check_providers(settings, issuer.http)
    issuer.document = {"issuer": "https://evil.example"}
    of_another = await check_providers(settings, issuer.http)

    assert [(check.name, check.level) for check in fine] == [("MONYNHA_OAUTH_KEYCLOAK", "fine")]
    assert [check.level for check in (*without_keys, *of_another)] == ["warning", "warning"]
    assert await check_providers(Settings.read({})) == []
