"""Composition of what signs in with providers."""

from __future__ import annotations

from monynha.core.clock import Clock
from monynha.core.settings.settings import Settings
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotices
from monynha.domains.auth.providers.account_linking import AccountLinking
from monynha.domains.auth.providers.catalog import build_providers
from monynha.domains.auth.providers.flows import FlowStore
from monynha.domains.auth.providers.identities import IdentityService
from monynha.domains.auth.providers.identity_repository import IdentityRepository
from monynha.domains.auth.providers.sign_in import ProviderSignInService
from monynha.domains.auth.services.sessions import SessionService
from monynha.domains.auth.services.sign_up_gate import SignUpGate
from monynha.domains.auth.tokens.one_time_tokens import OneTimeTokenStore
from monynha.infra.outgoing_http import OutgoingHttp

CALLBACK_PATH = "/auth/v1/callback"


def build_provider_sign_in(
    settings: Settings,
    *,
    accounts: AccountRepository,
    sessions: SessionService,
    gate: SignUpGate,
    security_notices: SecurityNotices,
    one_time_tokens: OneTimeTokenStore,
    clock: Clock,
    http: OutgoingHttp,
) -> ProviderSignInService:
    """Return the service; raise SettingsError for a provider's key that cannot be read."""
    identities = IdentityRepository(accounts)
    linking = AccountLinking(
        accounts=accounts,
        identities=identities,
        sessions=sessions,
        gate=gate,
        security_notices=security_notices,
        clock=clock,
        autoconfirm=settings.autoconfirm,
    )
    redirect_uri = settings.site_url.rstrip("/") + CALLBACK_PATH
    is_enabled = settings.manual_linking
    return ProviderSignInService(
        providers=build_providers(settings.oauth_providers, redirect_uri=redirect_uri, http=http, clock=clock),
        flows=FlowStore(settings.jwt_secret, clock),
        linking=linking,
        identities=IdentityService(
            accounts=accounts, identities=identities, linking=linking, clock=clock, is_enabled=is_enabled
        ),
        accounts=accounts,
        sessions=sessions,
        one_time_tokens=one_time_tokens,
        clock=clock,
    )
