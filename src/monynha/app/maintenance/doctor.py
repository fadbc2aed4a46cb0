"""The checks of `monynha doctor`: settings, servers, the login, every table and policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from monynha.app.maintenance.migration import check_database_login, is_current
from monynha.core.clock import utc_now
from monynha.core.errors import SettingsError
from monynha.core.settings.oauth_providers import FAMILY
from monynha.core.settings.settings import Settings
from monynha.core.weak_secrets import has_weak_password, is_weak_key
from monynha.infra.embedded import ServerUrls, run_servers
from monynha.infra.outgoing_http import OutgoingHttp
from monynha.infra.postgres.advisor import audit_database
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import ValkeyClient


@dataclass(frozen=True, slots=True)
class Check:
    """What was checked, the result, and what to do."""

    name: str
    level: Literal["fine", "warning", "danger"]
    message: str


async def run_checks(settings: Settings) -> list[Check]:
    """Run all checks; a server that cannot be reached is a result, not an error."""
    checks = list(_check_settings(settings))
    async with run_servers(settings) as server_urls:
        checks.append(await _check_valkey(server_urls))
        checks += await _check_smtp(settings)
        checks += await check_providers(settings)
        try:
            checks += await _check_database(server_urls)
        except SettingsError as error:
            checks.append(Check("database", "danger", str(error)))
    return checks


def _check_settings(settings: Settings) -> Iterator[Check]:
    yield Check("settings", "fine", f"They are valid; APP_ENV is {settings.app_env}.")
    if not settings.is_production:
        yield Check(
            "APP_ENV",
            "warning",
            "Development accepts weak passwords and shows stack traces. Set it to production.",
        )
    if is_weak_key(settings.jwt_secret):
        yield Check("JWT_SECRET", "warning", "It can be guessed; generate one with `openssl rand -hex 32`.")
    for name, url in settings.server_urls.items():
        if has_weak_password(url):
            yield Check(name, "warning", "Its password can be guessed.")
    if "*" in settings.cors_origins:
        yield Check("MONYNHA_CORS_ORIGINS", "warning", "Pages of every origin may call the API.")
    if settings.limit_auth is None:
        yield Check("MONYNHA_LIMIT_AUTH", "warning", "Sign-in attempts are not limited.")
    if settings.is_production and settings.site_url.startswith("http://"):
        yield Check("SITE_URL", "warning", "Links in mails lead to a URL without TLS.")


async def _check_valkey(server_urls: ServerUrls) -> Check:
    valkey = await ValkeyClient.open(server_urls.redis_url)
    try:
        if await valkey.is_reachable():
            return Check("valkey", "fine", "It can be reached.")
        return Check("valkey", "warning", "It cannot be reached: each process counts limits for itself.")
    finally:
        await valkey.close()


async def _check_smtp(settings: Settings) -> list[Check]:
    if not settings.smtp_url:
        return []
    from monynha.infra.mail.smtp_mailer import SmtpMailer, SmtpServer

    try:
        problem = await SmtpMailer(SmtpServer.from_url(settings.smtp_url, site_url=settings.site_url)).find_problem()
    except SettingsError as error:
        return [Check("SMTP_URL", "danger", str(error))]
    if problem:
        return [Check("SMTP_URL", "warning", f"Mail cannot be sent: {problem}.")]
    return [Check("SMTP_URL", "fine", "It can be reached.")]


async def check_providers(settings: Settings, http: OutgoingHttp | None = None) -> list[Check]:
    """Check that the providers that people sign in with tell their endpoints and keys; GitHub's are known."""
    from monynha.domains.auth.providers.catalog import build_providers
    from monynha.domains.auth.providers.errors import ProviderUnavailableError
    from monynha.domains.auth.providers.oidc_provider import OidcProvider

    checks = []
    providers = build_providers(settings.oauth_providers, redirect_uri="", http=http or OutgoingHttp(), clock=utc_now)
    for name, provider in providers.items():
        check_name = f"{FAMILY}{name.upper()}"
        if not isinstance(provider, OidcProvider):
            continue
        try:
            has_keys = bool(await provider.discovery.keys(None))
        except ProviderUnavailableError:
            checks.append(Check(check_name, "warning", "Nobody can sign in: its discovery document cannot be read."))
            continue
        if has_keys:
            checks.append(Check(check_name, "fine", "It can be reached."))
        else:
            checks.append(Check(check_name, "warning", "Nobody can sign in: it has no keys that verify tokens."))
    return checks


async def _check_database(server_urls: ServerUrls) -> list[Check]:
    checks = []
    is_current_release = await is_current(server_urls.database_url)
    if is_current_release:
        checks.append(Check("database", "fine", "It can be reached, and is at this release."))
    else:
        checks.append(Check("database", "warning", "It is not at this release; run `monynha migrate`."))
    await check_database_login(server_urls.database_url)
    checks.append(Check("login", "fine", "It is subject to row-level security."))
    database = await Database.open(server_urls.database_url)
    try:
        findings = await audit_database(database)
    finally:
        await database.close()
    checks += [
        Check(finding.object, "danger" if finding.is_dangerous else "warning", finding.message) for finding in findings
    ]
    if is_current_release and not findings:
        checks.append(Check("rights", "fine", "Every table has forced row-level security and its policies."))
    return checks
