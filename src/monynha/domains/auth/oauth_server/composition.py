"""Builds the services of the authorization server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monynha.core.clock import Clock
from monynha.core.settings.settings import Settings
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.security_notices import SecurityNotices
from monynha.domains.auth.oauth_server.authorization_service import AuthorizationService
from monynha.domains.auth.oauth_server.client_service import ClientService
from monynha.domains.auth.oauth_server.consent_sessions import ConsentSessions
from monynha.domains.auth.oauth_server.consents import ConsentService
from monynha.domains.auth.oauth_server.grant_service import GrantService
from monynha.domains.auth.oauth_server.id_tokens import IdTokens
from monynha.domains.auth.oauth_server.metadata import RESOURCE_PATHS, Metadata
from monynha.domains.auth.services.sessions import SessionService

CONSENT_PATH: Final = "/oauth/consent"


@dataclass(frozen=True)
class OAuthServer:
    """The services of the authorization server; where it is off, its routes answer that."""

    clients: ClientService
    authorizations: AuthorizationService
    grants: GrantService
    consents: ConsentService
    consent_sessions: ConsentSessions
    metadata: Metadata

    @classmethod
    def build(
        cls,
        settings: Settings,
        repository: AccountRepository,
        sessions: SessionService,
        notices: SecurityNotices,
        clock: Clock,
    ) -> OAuthServer:
        """Build the services from the settings."""
        site_url = settings.site_url.rstrip("/")
        issuer = f"{site_url}/auth/v1"
        id_tokens = IdTokens(sessions.access_tokens.keys, issuer, clock)
        resources = frozenset((site_url, issuer, *(f"{site_url}{path}" for path in RESOURCE_PATHS)))
        return cls(
            ClientService(repository=repository, clock=clock),
            AuthorizationService(
                repository=repository,
                notices=notices,
                clock=clock,
                issuer=issuer,
                consent_url=settings.oauth_consent_url or f"{site_url}{CONSENT_PATH}",
                resources=resources,
            ),
            GrantService(repository=repository, sessions=sessions, id_tokens=id_tokens, clock=clock),
            ConsentService(repository),
            ConsentSessions(settings.jwt_secret, repository, sessions, clock),
            Metadata(
                issuer=issuer,
                site_url=site_url,
                is_enabled=settings.oauth_server,
                allows_registration=settings.oauth_server and settings.oauth_registration,
                id_token_algorithms=id_tokens.algorithms,
            ),
        )
