"""Auth put together: from settings and servers to everything its routes need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.setting_kinds import Limit
from monynha.core.settings import Settings
from monynha.domains.auth.account_rows import AccountRows
from monynha.domains.auth.accounts import Accounts
from monynha.domains.auth.addresses import Redirects
from monynha.domains.auth.brakes import Brakes
from monynha.domains.auth.letters import Letters
from monynha.domains.auth.one_time import OneTimeTokens
from monynha.domains.auth.parts import Parts
from monynha.domains.auth.passwords import Passwords
from monynha.domains.auth.reactions import AccountReaction
from monynha.domains.auth.refresh import RefreshTokens
from monynha.domains.auth.sessions import Sessions
from monynha.domains.auth.tokens import AccessTokens, Clock, Identify, utc_now
from monynha.infra.mail import FolderMailer, Mailer
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import Limiter
from monynha.protocols.http.limits import Limits

_PACE_S = 0.2
_MAIL_GAP = Limit(1, 60)


@dataclass(frozen=True)
class Auth:
    """Sign-up, sign-in and all that belongs to it."""

    parts: Parts
    tokens: AccessTokens
    identify: Identify
    accounts: Accounts
    brakes: Brakes

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        *,
        limits: Limits | None = None,
        mailer: Mailer | None = None,
        reactions: Sequence[AccountReaction] = (),
        clock: Clock = utc_now,
        pace_s: float = _PACE_S,
    ) -> Auth:
        """Put it together; without limits nothing is counted, without a mailer mail goes to its folder."""
        secret, site_url = settings.jwt_secret, settings.site_url
        tokens = AccessTokens(
            secret, issuer=f"{site_url.rstrip('/')}/auth/v1", ttl_s=settings.access_token_ttl_s, clock=clock
        )
        rows = AccountRows(tuple(reactions))
        sessions = Sessions(
            database, rows, tokens, RefreshTokens(secret), clock, settings.refresh_reuse_interval_s
        )
        parts = Parts(
            database=database,
            rows=rows,
            sessions=sessions,
            passwords=Passwords(strict=settings.is_production),
            one_time=OneTimeTokens(secret, clock),
            mailer=mailer or FolderMailer(settings.mail_dir),
            letters=Letters(site_url),
            redirects=Redirects(site_url, frozenset(settings.cors_origins), not settings.is_production),
            clock=clock,
            autoconfirm=settings.autoconfirm,
            secret=secret,
            pace_s=pace_s,
        )
        brakes = Brakes(limits or Limits(Limiter(None)), _MAIL_GAP if settings.is_production else None)
        return cls(parts, tokens, Identify(tokens), Accounts(parts, brakes), brakes)

    def close(self) -> None:
        """End the threads that compare passwords."""
        self.parts.passwords.close()
