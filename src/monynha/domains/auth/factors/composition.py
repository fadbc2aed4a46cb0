"""Composition of second factors and passkeys."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from monynha.core.clock import Clock
from monynha.core.settings.settings import Settings
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotices
from monynha.domains.auth.factors.admin_factors import AdminFactorService
from monynha.domains.auth.factors.events import FactorEvents
from monynha.domains.auth.factors.factor_repository import FactorRepository
from monynha.domains.auth.factors.factor_service import FactorService
from monynha.domains.auth.factors.phone_codes import PhoneCodes, PhoneMessages
from monynha.domains.auth.factors.recovery_codes import RecoveryCodeService
from monynha.domains.auth.factors.relying_party import RelyingParty
from monynha.domains.auth.passkeys.passkey_service import PasskeyService
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.tokens.secret_box import SecretBox


@dataclass(frozen=True)
class SecondFactors:
    """The services of second factors and passkeys."""

    factors: FactorService
    recovery_codes: RecoveryCodeService
    admin: AdminFactorService
    passkeys: PasskeyService

    @classmethod
    def build(
        cls,
        settings: Settings,
        repository: AccountRepository,
        sessions: SessionService,
        security_notices: SecurityNotices,
        clock: Clock,
        *,
        phone_messages: PhoneMessages | None = None,
    ) -> SecondFactors:
        """Build the services; without `phone_messages` there are no phone factors."""
        factor_rows, events = FactorRepository(), FactorEvents(security_notices)
        party = _relying_party(settings)
        factors = FactorService(
            repository=repository,
            factors=factor_rows,
            sessions=sessions,
            secret_box=SecretBox(settings.jwt_secret, b"monynha factor secret"),
            phone_codes=PhoneCodes(settings.jwt_secret),
            events=events,
            clock=clock,
            issuer=urlsplit(settings.site_url).netloc,
            relying_party=party,
            phone_messages=phone_messages,
        )
        recovery_codes = RecoveryCodeService(
            repository=repository,
            factors=factor_rows,
            sessions=sessions,
            events=events,
            clock=clock,
            key=RecoveryCodeService.derive_key(settings.jwt_secret),
        )
        admin = AdminFactorService(repository=repository, factors=factor_rows, events=events, clock=clock)
        passkeys = PasskeyService(
            repository=repository, sessions=sessions, events=events, clock=clock, relying_party=party
        )
        return cls(factors, recovery_codes, admin, passkeys)


def _relying_party(settings: Settings) -> RelyingParty | None:
    return RelyingParty.of_site(
        settings.site_url,
        rp_id=settings.webauthn_rp_id,
        origins=settings.webauthn_origins,
        allows_localhost=not settings.is_production,
    )
