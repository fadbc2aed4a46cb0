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
from monynha.domains.auth.api_tokens.creation import ApiTokenCreation
from monynha.domains.auth.api_tokens.usage import ApiTokenUsage
from monynha.domains.auth.emails.action_links import ActionLinks
from monynha.domains.auth.emails.auth_mailer import AuthMailer
from monynha.domains.auth.emails.redirects import RedirectPolicy
from monynha.domains.auth.emails.security_notices import SecurityNotices
from monynha.domains.auth.factors.composition import SecondFactors
from monynha.domains.auth.oauth_server.composition import OAuthServer
from monynha.domains.auth.phone.text_messages import SMS_QUEUE, TextMessages
from monynha.domains.auth.providers.composition import build_provider_sign_in
from monynha.domains.auth.providers.sign_in import ProviderSignInService
from monynha.domains.auth.services.account_service import AccountService
from monynha.domains.auth.services.admin import AdminService
from monynha.domains.auth.services.admin_links import AdminLinkService
from monynha.domains.auth.services.anonymous_users import AnonymousUserService
from monynha.domains.auth.services.audit_log import AuditLogService
from monynha.domains.auth.services.authentication import BearerAuthenticator
from monynha.domains.auth.services.email_change import EmailChangeService
from monynha.domains.auth.services.phone_accounts import PhoneAccountService
from monynha.domains.auth.services.phone_change import PhoneChangeService
from monynha.domains.auth.services.rate_limits import AuthRateLimits, RateLimitCounter
from monynha.domains.auth.services.session_activity import SessionActivity
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.services.sign_in import SignInService
from monynha.domains.auth.services.sign_up import SignUpService
from monynha.domains.auth.services.sign_up_gate import SignUpGate, SignUpMode
from monynha.domains.auth.services.update_user import PasswordChangePolicy, UpdateUserService
from monynha.domains.auth.services.verification import VerificationService
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.device_tokens import DeviceTokens
from monynha.domains.auth.tokens.foreign_issuer import ForeignIssuer
from monynha.domains.auth.tokens.key_refresh import KeyRefresh
from monynha.domains.auth.tokens.one_time_tokens import OneTimeTokenStore
from monynha.domains.auth.tokens.refresh_tokens import RefreshTokenCodec
from monynha.domains.auth.tokens.signing_key_store import SigningKeyStore
from monynha.domains.auth.tokens.signing_keys import KeySet
from monynha.infra.mail import EMAIL_QUEUE
from monynha.infra.outgoing_http import OutgoingHttp
from monynha.infra.postgres.database import Database

_RESPONSE_STEP_S = 0.2
_EMAIL_INTERVAL = Limit(1, 60)


@dataclass(frozen=True)
class AuthServices:
    """The services of auth, as the HTTP routes and the rest of the program use them."""

    database: Database
    tokens: AccessTokens
    authenticate: BearerAuthenticator
    session_activity: SessionActivity
    passwords: PasswordHasher
    sessions: SessionService
    sign_in: SignInService
    sign_up: SignUpService
    sign_up_gate: SignUpGate
    verification: VerificationService
    update_user: UpdateUserService
    phone_accounts: PhoneAccountService
    anonymous_users: AnonymousUserService
    admin: AdminService
    admin_links: AdminLinkService
    accounts: AccountService
    audit_log: AuditLogService
    second_factors: SecondFactors
    providers: ProviderSignInService
    rate_limits: AuthRateLimits
    devices: DeviceTokens
    mailer: AuthMailer
    security_notices: SecurityNotices
    oauth_server: OAuthServer
    clock: Clock
    autoconfirm: bool
    api_tokens: ApiTokenCreation
    api_token_usage: ApiTokenUsage
    key_refresh: KeyRefresh

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
        sms_queue: str = SMS_QUEUE,
        outgoing_http: OutgoingHttp | None = None,
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
            sms_queue=sms_queue,
            outgoing_http=outgoing_http or OutgoingHttp(),
        )
        return builder.build()

    async def start(self) -> None:
        """Read the signing keys, and keep them and those of a foreign issuer up to date in the background."""
        await self.key_refresh.start()
        foreign_issuer = self.tokens.foreign_issuer
        if foreign_issuer is not None:
            foreign_issuer.on_revoked = self.tokens.forget_verified
            await foreign_issuer.start()

    def close(self) -> None:
        """Stop the threads that hash passwords, and forget which sessions were used last."""
        self.passwords.close()
        self.session_activity.close()
        self.api_token_usage.close()
        self.key_refresh.stop()
        if self.tokens.foreign_issuer is not None:
            self.tokens.foreign_issuer.stop()


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
        sms_queue: str,
        outgoing_http: OutgoingHttp,
    ) -> None:
        secret, site_url = settings.jwt_secret, settings.site_url
        self.settings = settings
        self.repository = repository
        self.clock = clock
        self.response_step_s = response_step_s
        self.passwords = _password_hasher(settings)
        self.devices = DeviceTokens(secret, clock)
        self.one_time_tokens = OneTimeTokenStore(secret, clock)
        redirects = RedirectPolicy(site_url, frozenset(settings.cors_origins), not settings.is_production)
        self.mailer = AuthMailer(ActionLinks(site_url), redirects, clock, email_queue)
        self.security_notices = SecurityNotices(clock, email_queue)
        self.api_token_usage = ApiTokenUsage(repository.database, clock)
        self.rate_limits = _rate_limits(settings, limits, repository)
        self.signing_key_store = SigningKeyStore(repository.database, secret, clock, settings.access_token_ttl_s)
        self.access_tokens = self._access_tokens(settings)
        self.session_activity = SessionActivity(repository.database)
        self.sessions = self._sessions(settings)
        self.email_changes = self._email_changes(settings)
        self.text_messages = TextMessages.from_settings(settings, clock, queue=sms_queue)
        self.phone_changes = self._phone_changes(settings)
        self.sign_up_gate = SignUpGate(mode=SignUpMode(settings.signup), repository=repository, invitations=invitations)
        self.sign_up = self._sign_up(settings)
        self.providers = self._providers(settings, outgoing_http)
        self.oauth_server = OAuthServer.build(settings, repository, self.sessions, self.security_notices, clock)

    def _foreign_issuer(self, settings: Settings) -> ForeignIssuer | None:
        if settings.supabase_url is None:
            return None
        # Its people are those of this program, unless sign-up is closed to all but the accounts that there are.
        creates_accounts = settings.signup == "on"
        return ForeignIssuer.of_supabase(settings.supabase_url, OutgoingHttp(), creates_accounts=creates_accounts)

    def _access_tokens(self, settings: Settings) -> AccessTokens:
        return AccessTokens(
            settings.jwt_secret,
            issuer=f"{settings.site_url.rstrip('/')}/auth/v1",
            other_issuers=settings.jwt_issuers,
            ttl_s=settings.access_token_ttl_s,
            clock=self.clock,
            keys=KeySet(settings.jwt_secret, algorithm=settings.jwt_algorithm),
            foreign_issuer=self._foreign_issuer(settings),
            on_api_token=self.api_token_usage.record,
        )

    def build(self) -> AuthServices:
        return AuthServices(
            database=self.repository.database,
            tokens=self.access_tokens,
            authenticate=BearerAuthenticator(self.access_tokens, self.session_activity),
            session_activity=self.session_activity,
            passwords=self.passwords,
            sessions=self.sessions,
            sign_in=self._sign_in(),
            sign_up=self.sign_up,
            sign_up_gate=self.sign_up_gate,
            verification=self._verification(),
            update_user=self._update_user(),
            phone_accounts=self._phone_accounts(self.settings),
            anonymous_users=self._anonymous_users(self.settings),
            admin=self._admin(),
            admin_links=self._admin_links(),
            accounts=self._accounts(),
            audit_log=AuditLogService(self.repository.database),
            second_factors=self._second_factors(self.settings),
            providers=self.providers,
            rate_limits=self.rate_limits,
            devices=self.devices,
            mailer=self.mailer,
            security_notices=self.security_notices,
            oauth_server=self.oauth_server,
            clock=self.clock,
            autoconfirm=self.sign_up.autoconfirm,
            api_tokens=ApiTokenCreation(
                self.access_tokens.api_tokens, self.repository, self.security_notices, self.clock
            ),
            api_token_usage=self.api_token_usage,
            key_refresh=KeyRefresh(self.signing_key_store, self.access_tokens),
        )

    def _providers(self, settings: Settings, http: OutgoingHttp) -> ProviderSignInService:
        return build_provider_sign_in(
            settings,
            accounts=self.repository,
            sessions=self.sessions,
            gate=self.sign_up_gate,
            security_notices=self.security_notices,
            one_time_tokens=self.one_time_tokens,
            clock=self.clock,
            http=http,
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
            phone_changes=self.phone_changes,
            mailer=self.mailer,
            security_notices=self.security_notices,
            clock=self.clock,
            password_changes=PasswordChangePolicy(
                require_reauthentication=self.settings.require_reauthentication,
                require_current_password=self.settings.require_current_password,
            ),
        )

    def _sessions(self, settings: Settings) -> SessionService:
        return SessionService(
            repository=self.repository,
            access_tokens=self.access_tokens,
            refresh_tokens=RefreshTokenCodec(settings.jwt_secret),
            security_notices=self.security_notices,
            clock=self.clock,
            reuse_interval_s=settings.refresh_reuse_interval_s,
        )

    def _email_changes(self, settings: Settings) -> EmailChangeService:
        return EmailChangeService(
            repository=self.repository,
            one_time_tokens=self.one_time_tokens,
            mailer=self.mailer,
            security_notices=self.security_notices,
            clock=self.clock,
            autoconfirm=settings.autoconfirm,
        )

    def _phone_changes(self, settings: Settings) -> PhoneChangeService:
        return PhoneChangeService(
            repository=self.repository,
            one_time_tokens=self.one_time_tokens,
            messages=self.text_messages,
            security_notices=self.security_notices,
            clock=self.clock,
            autoconfirm=settings.phone_autoconfirm,
        )

    def _anonymous_users(self, settings: Settings) -> AnonymousUserService:
        return AnonymousUserService(
            repository=self.repository,
            sessions=self.sessions,
            is_enabled=settings.anonymous_users,
            gate=self.sign_up_gate,
        )

    def _second_factors(self, settings: Settings) -> SecondFactors:
        return SecondFactors.build(
            settings,
            self.repository,
            self.sessions,
            self.security_notices,
            self.clock,
            phone_messages=self.text_messages if self.text_messages.reaches_any_number else None,
        )

    def _phone_accounts(self, settings: Settings) -> PhoneAccountService:
        return PhoneAccountService(
            repository=self.repository,
            passwords=self.passwords,
            one_time_tokens=self.one_time_tokens,
            sessions=self.sessions,
            phone_changes=self.phone_changes,
            messages=self.text_messages,
            clock=self.clock,
            is_enabled=settings.has_phone_accounts,
            autoconfirm=settings.phone_autoconfirm,
            gate=self.sign_up_gate,
            response_step_s=self.response_step_s,
        )

    def _admin(self) -> AdminService:
        return AdminService(
            repository=self.repository,
            passwords=self.passwords,
            sessions=self.sessions,
            security_notices=self.security_notices,
            clock=self.clock,
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
            security_notices=self.security_notices,
            clock=self.clock,
        )


def _password_hasher(settings: Settings) -> PasswordHasher:
    path = settings.breached_passwords
    return PasswordHasher(
        strict=settings.is_production,
        min_length=settings.password_min_length,
        breached=None if path is None else BreachedPasswords.open(path, "MONYNHA_BREACHED_PASSWORDS"),
    )


def _rate_limits(settings: Settings, counter: RateLimitCounter | None, repository: AccountRepository) -> AuthRateLimits:
    return AuthRateLimits(
        counter,
        _EMAIL_INTERVAL if settings.is_production else None,
        repository,
        anonymous_per_ip=settings.limit_anonymous,
        sms_per_number=settings.limit_sms_number,
        sms_per_ip=settings.limit_sms,
    )
