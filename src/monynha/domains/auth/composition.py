"""Auth put together: from settings and servers to everything its routes need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.hooks import AccountHook
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.email_address import RedirectPolicy
from monynha.domains.auth.emails.email_templates import EmailTemplates
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.context import AuthContext
from monynha.domains.auth.services.rate_limits import AuthRateLimits
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.tokens.access_tokens import AccessTokens, BearerAuthenticator, Clock, utc_now
from monynha.domains.auth.tokens.one_time_tokens import OneTimeTokenStore
from monynha.domains.auth.tokens.refresh_tokens import RefreshTokenCodec
from monynha.infra.mail import FolderMailer, Mailer
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits

_RESPONSE_STEP_S = 0.2
_EMAIL_INTERVAL = Limit(1, 60)


@dataclass(frozen=True)
class AuthServices:
    """Sign-up, sign-in and all that belongs to it."""

    parts: AuthContext
    tokens: AccessTokens
    authenticate: BearerAuthenticator
    accounts: AccountService
    rate_limits: AuthRateLimits

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        *,
        limits: RateLimits | None = None,
        mailer: Mailer | None = None,
        hooks: Sequence[AccountHook] = (),
        clock: Clock = utc_now,
        response_step_s: float = _RESPONSE_STEP_S,
    ) -> AuthServices:
        """Put it together; without limits nothing is counted, without a mailer mail goes to its folder."""
        secret, site_url = settings.jwt_secret, settings.site_url
        tokens = AccessTokens(
            secret, issuer=f"{site_url.rstrip('/')}/auth/v1", ttl_s=settings.access_token_ttl_s, clock=clock
        )
        repository = AccountRepository(tuple(hooks))
        sessions = SessionService(
            database, repository, tokens, RefreshTokenCodec(secret), clock, settings.refresh_reuse_interval_s
        )
        parts = AuthContext(
            database=database,
            repository=repository,
            sessions=sessions,
            passwords=PasswordHasher(strict=settings.is_production),
            one_time_tokens=OneTimeTokenStore(secret, clock),
            mailer=mailer or FolderMailer(settings.mail_dir),
            email_templates=EmailTemplates(site_url),
            redirects=RedirectPolicy(site_url, frozenset(settings.cors_origins), not settings.is_production),
            clock=clock,
            autoconfirm=settings.autoconfirm,
            secret=secret,
            response_step_s=response_step_s,
        )
        rate_limits = AuthRateLimits(
            limits or RateLimits(RateLimiter(None)), _EMAIL_INTERVAL if settings.is_production else None
        )
        return cls(parts, tokens, BearerAuthenticator(tokens), AccountService(parts, rate_limits), rate_limits)

    def close(self) -> None:
        """End the threads that compare passwords."""
        self.parts.passwords.close()
