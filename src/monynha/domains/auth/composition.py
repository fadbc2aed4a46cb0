"""Composition of auth: builds all services from the settings and the database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monynha.core.clock import Clock, utc_now
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.breached_passwords import BreachedPasswords
from monynha.domains.auth.accounts.hooks import AccountHook, InvitationLookup
from monynha.domains.auth.accounts.passwords import PasswordHasher
from monynha.domains.auth.emails.action_links import ActionLinks
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.redirects import RedirectPolicy
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.admin import AdminService
from monynha.domains.auth.services.admin_links import AdminLinkService
from monynha.domains.auth.services.audit_log import AuditLogService
from monynha.domains.auth.services.authentication import BearerAuthenticator
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.services.rate_limits import AuthRateLimits, RateLimitCounter
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.services.sign_in import SignInService
from monynha.domains.auth.services.sign_up import SignUpService
from monynha.domains.auth.services.sign_up_gate import SignUpGate, SignUpMode
from monynha.domains.auth.services.update_user import UpdateUserService
from monynha.domains.auth.services.verification import VerificationService
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.device_tokens import DeviceTokens
from monynha.domains.auth.tokens.one_time_tokens import OneTimeTokenStore
from monynha.domains.auth.tokens.refresh_tokens import RefreshTokenCodec
from monynha.infra.mail import EMAIL_QUEUE
from monynha.infra.postgres.database import Database

_RESPONSE_STEP_S = 0.2
_EMAIL_INTERVAL = Limit(1, 60)


@dataclass(frozen=True)
class AuthServices:
    """The services of auth, as the HTTP routes and the rest of the program use them."""

    tokens: AccessTokens
    authenticate: BearerAuthenticator
    passwords: PasswordHasher
    sessions: SessionService
    sign_in: SignInService
    sign_up: SignUpService
    sign_up_gate: SignUpGate
    verification: VerificationService
    update_user: UpdateUserService
    admin: AdminService
    admin_links: AdminLinkService
    accounts: AccountService
    audit_log: AuditLogService
    rate_limits: AuthRateLimits
    devices: DeviceTokens
    mailer: AuthMailer
    clock: Clock
    autoconfirm: bool

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        *,
        limits: RateLimitCounter | None = None,
        hooks: Sequence[AccountHook] = (),
        invitations: Sequence[InvitationLookup] = (),
        clock: Clock = utc_now,
        response_step_s: float = _RESPONSE_STEP_S,
        email_queue: str = EMAIL_QUEUE,
    ) -> AuthServices:
        """Build all services; without `limits` nothing is counted.

        `invitations` say which addresses may sign up where sign-up is by invitation.
        """
        builder = _Builder(
            settings,
            AccountRepository(database, tuple(hooks)),
            invitations=tuple(invitations),
            limits=limits,
            clock=clock,
            response_step_s=response_step_s,
            email_queue=email_queue,
        )
        return builder.build()

    def close(self) -> None:
        """Stop the threads that hash passwords."""
        self.passwords.close()


class _Builder:
    """Builds what the services share, then each service from those before it."""

    def __init__(
        self,
        settings: Settings,
        repository: AccountRepository,
        *,
        invitations: tuple[InvitationLookup, ...],
        limits: RateLimitCounter | None,
        clock: Clock,
        response_step_s: float,
        email_queue: str,
    ) -> None:
        secret, site_url = settings.jwt_secret, settings.site_url
        self.repository = repository
        self.clock = clock
        self.response_step_s = response_step_s
        self.passwords = _password_hasher(settings)
        self.devices = DeviceTokens(secret, clock)
        self.one_time_tokens = OneTimeTokenStore(secret, clock)
        redirects = RedirectPolicy(site_url, frozenset(settings.cors_origins), not settings.is_production)
        self.mailer = AuthMailer(ActionLinks(site_url), redirects, clock, email_queue)
        email_interval = _EMAIL_INTERVAL if settings.is_production else None
        self.rate_limits = AuthRateLimits(limits, email_interval, repository)
        self.access_tokens = self._access_tokens(settings)
        self.sessions = SessionService(
            repository=repository,
            access_tokens=self.access_tokens,
            refresh_tokens=RefreshTokenCodec(secret),
            clock=clock,
            reuse_interval_s=settings.refresh_reuse_interval_s,
        )
        self.email_changes = EmailChangeService(
            repository=repository,
            one_time_tokens=self.one_time_tokens,
            mailer=self.mailer,
            clock=clock,
            autoconfirm=settings.autoconfirm,
        )
        self.sign_up_gate = SignUpGate(mode=SignUpMode(settings.signup), repository=repository, invitations=invitations)
        self.sign_up = self._sign_up(settings)

    def _access_tokens(self, settings: Settings) -> AccessTokens:
        return AccessTokens(
            settings.jwt_secret,
            issuer=f"{settings.site_url.rstrip('/')}/auth/v1",
            other_issuers=settings.jwt_issuers,
            ttl_s=settings.access_token_ttl_s,
            clock=self.clock,
        )

    def build(self) -> AuthServices:
        return AuthServices(
            tokens=self.access_tokens,
            authenticate=BearerAuthenticator(self.access_tokens),
            passwords=self.passwords,
            sessions=self.sessions,
            sign_in=self._sign_in(),
            sign_up=self.sign_up,
            sign_up_gate=self.sign_up_gate,
            verification=self._verification(),
            update_user=self._update_user(),
            admin=self._admin(),
            admin_links=self._admin_links(),
            accounts=self._accounts(),
            audit_log=AuditLogService(self.repository.database),
            rate_limits=self.rate_limits,
            devices=self.devices,
            mailer=self.mailer,
            clock=self.clock,
            autoconfirm=self.sign_up.autoconfirm,
        )

    def _sign_up(self, settings: Settings) -> SignUpService:
        return SignUpService(
            repository=self.repository,
            passwords=self.passwords,
            one_time_tokens=self.one_time_tokens,
            mailer=self.mailer,
            clock=self.clock,
            autoconfirm=settings.autoconfirm,
            gate=self.sign_up_gate,
            response_step_s=self.response_step_s,
        )

    def _sign_in(self) -> SignInService:
        return SignInService(
            repository=self.repository,
            passwords=self.passwords,
            sessions=self.sessions,
            clock=self.clock,
            response_step_s=self.response_step_s,
        )

    def _verification(self) -> VerificationService:
        return VerificationService(
            repository=self.repository,
            one_time_tokens=self.one_time_tokens,
            sessions=self.sessions,
            email_changes=self.email_changes,
            mailer=self.mailer,
            clock=self.clock,
            autoconfirm=self.sign_up.autoconfirm,
            sign_up_gate=self.sign_up_gate,
            response_step_s=self.response_step_s,
        )

    def _update_user(self) -> UpdateUserService:
        return UpdateUserService(
            repository=self.repository,
            passwords=self.passwords,
            one_time_tokens=self.one_time_tokens,
            sessions=self.sessions,
            email_changes=self.email_changes,
            mailer=self.mailer,
            clock=self.clock,
        )

    def _admin(self) -> AdminService:
        return AdminService(
            repository=self.repository, passwords=self.passwords, sessions=self.sessions, clock=self.clock
        )

    def _admin_links(self) -> AdminLinkService:
        return AdminLinkService(
            repository=self.repository,
            passwords=self.passwords,
            one_time_tokens=self.one_time_tokens,
            email_changes=self.email_changes,
            mailer=self.mailer,
            clock=self.clock,
        )

    def _accounts(self) -> AccountService:
        return AccountService(
            repository=self.repository,
            passwords=self.passwords,
            sessions=self.sessions,
            sign_ups=self.sign_up,
            email_changes=self.email_changes,
            rate_limits=self.rate_limits,
            clock=self.clock,
        )


def _password_hasher(settings: Settings) -> PasswordHasher:
    path = settings.breached_passwords
    return PasswordHasher(
        strict=settings.is_production,
        min_length=settings.password_min_length,
        breached=None if path is None else BreachedPasswords.open(path, "MONYNHA_BREACHED_PASSWORDS"),
    )
