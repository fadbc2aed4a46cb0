"""What `monynha doctor` looks at: settings, servers, the login, every table and policy."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monynha.app.migrate import check, is_current
from monynha.core.errors import WrongSetting
from monynha.core.known_secrets import has_known_password, is_weak_key
from monynha.core.settings import Settings
from monynha.infra.embedded import Servers, servers
from monynha.infra.postgres.advisor import look_over
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import Valkey


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at, how it is (`fine`, `warning`, `danger`), and what to do."""

    name: str
    level: str
    says: str


async def examine(settings: Settings) -> list[Check]:
    """Look everything over; a server that does not answer is a finding, not an error."""
    checks = list(_settings(settings))
    async with servers(settings) as found:
        checks.append(await _valkey(found))
        try:
            checks += await _database(found)
        except WrongSetting as refused:
            checks.append(Check("database", "danger", str(refused)))
    return checks


def _settings(settings: Settings) -> Iterator[Check]:
    yield Check("settings", "fine", f"They can be read; this is {settings.app_env}.")
    if not settings.is_production:
        yield Check(
            "APP_ENV",
            "warning",
            "Development: weak passwords pass, errors tell much. Set it to production.",
        )
    if is_weak_key(settings.jwt_secret):
        yield Check("JWT_SECRET", "warning", "It is known or guessed; draw one with `openssl rand -hex 32`.")
    for name, url in settings.guarded_urls.items():
        if has_known_password(url):
            yield Check(name, "warning", "Its password is one that anybody tries first.")
    if "*" in settings.cors_origins:
        yield Check("MONYNHA_CORS_ORIGINS", "warning", "Pages of every origin may call.")
    if settings.limit_auth is None:
        yield Check("MONYNHA_LIMIT_AUTH", "warning", "Nobody counts how often a password is tried.")
    if settings.is_production and settings.site_url.startswith("http://"):
        yield Check("SITE_URL", "warning", "Links in mails lead to an address without TLS.")


async def _valkey(found: Servers) -> Check:
    valkey = await Valkey.open(found.redis_url)
    try:
        if await valkey.answers():
            return Check("valkey", "fine", "It answers.")
        return Check("valkey", "warning", "It does not answer: limits are kept by each process alone.")
    finally:
        await valkey.close()


async def _database(found: Servers) -> list[Check]:
    checks = []
    is_whole = await is_current(found.database_url)
    if is_whole:
        checks.append(Check("database", "fine", "It answers, and is at this release."))
    else:
        checks.append(Check("database", "warning", "It is not at this release; run `monynha migrate`."))
    await check(found.database_url)
    checks.append(Check("login", "fine", "Row-level security holds it."))
    database = await Database.open(found.database_url)
    try:
        findings = await look_over(database)
    finally:
        await database.close()
    checks += [Check(one.object, "danger" if one.is_dangerous else "warning", one.says) for one in findings]
    if is_whole and not findings:
        checks.append(Check("rights", "fine", "Every table has forced row-level security and its policies."))
    return checks
