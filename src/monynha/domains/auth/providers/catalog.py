"""The providers that are on, made from the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monynha.core.clock import Clock
from monynha.core.settings.oauth_providers import FAMILY, OAuthProviderSettings
from monynha.domains.auth.providers.apple_secret import APPLE_ISSUER, OTHER_APPLE_ISSUER, AppleClientSecret
from monynha.domains.auth.providers.discovery import Discovery
from monynha.domains.auth.providers.github_provider import PUBLIC_SITE, GitHubProvider
from monynha.domains.auth.providers.id_tokens import IdTokenVerifier
from monynha.domains.auth.providers.oidc_provider import OidcProvider
from monynha.domains.auth.providers.profiles import EmailTrust, is_azure_email_verified, is_email_verified
from monynha.domains.auth.providers.provider import Provider
from monynha.infra.outgoing_http import OutgoingHttp

CUSTOM_PREFIX = "custom:"
PLAIN_NAMES = frozenset(
    {
        "apple",
        "azure",
        "github",
        "gitlab",
        "google",
        "kakao",
        "keycloak",
        "linkedin_oidc",
        "slack_oidc",
        "twitch",
        "zoom",
    }
)
"""The providers that official clients know by name; all others begin with `custom:`."""


@dataclass(frozen=True, slots=True)
class _Traits:
    issuer: str | None = None
    scopes: tuple[str, ...] = ("openid", "email", "profile")
    is_email_verified: EmailTrust = is_email_verified
    other_issuers: tuple[str, ...] = ()
    response_mode: str | None = None
    custom_claims: tuple[str, ...] = ()


_TRAITS = {
    "apple": _Traits(
        APPLE_ISSUER,
        scopes=("openid", "email", "name"),
        other_issuers=(OTHER_APPLE_ISSUER,),
        # Apple's condition for telling the name and address.
        response_mode="form_post",
        custom_claims=("is_private_email",),
    ),
    "azure": _Traits(
        "https://login.microsoftonline.com/common/v2.0",
        is_email_verified=is_azure_email_verified,
        custom_claims=("tid", "oid"),
    ),
    "gitlab": _Traits("https://gitlab.com"),
    "google": _Traits("https://accounts.google.com", other_issuers=("accounts.google.com",), custom_claims=("hd",)),
}


_DISPLAY_NAMES = {"azure": "Microsoft", "github": "GitHub", "gitlab": "GitLab"}


def provider_key(name: str) -> str:
    """Return the name in a client's request as the settings have it: `custom:my-login` is `my_login`."""
    return name.strip().lower().removeprefix(CUSTOM_PREFIX).replace("-", "_")


def wire_name(name: str) -> str:
    """Return the name that identities of a provider have."""
    return name if name in PLAIN_NAMES else CUSTOM_PREFIX + name


def display_name(name: str) -> str:
    """Return the name of a provider as people read it."""
    return _DISPLAY_NAMES.get(name) or name.removeprefix(CUSTOM_PREFIX).replace("_", " ").capitalize()


def build_providers(
    settings: tuple[OAuthProviderSettings, ...], *, redirect_uri: str, http: OutgoingHttp, clock: Clock
) -> dict[str, Provider]:
    """Return the providers by `provider_key`; raise SettingsError for a key that cannot be read."""
    return {setting.name: _build(setting, redirect_uri, http, clock) for setting in settings}


def _build(settings: OAuthProviderSettings, redirect_uri: str, http: OutgoingHttp, clock: Clock) -> Provider:
    if settings.name == "github":
        site = (settings.issuer or PUBLIC_SITE).rstrip("/")
        return GitHubProvider(settings.client_ids[0], settings.secret, redirect_uri, http, settings.scopes, site)
    traits = _TRAITS.get(settings.name, _Traits())
    issuer = settings.issuer or traits.issuer
    assert issuer is not None  # the settings demand one of every other provider
    discovery = Discovery(issuer, http, clock)
    return OidcProvider(
        wire_name(settings.name),
        settings.client_ids,
        _client_secret(settings, clock),
        redirect_uri,
        scopes=(*traits.scopes, *settings.scopes),
        is_email_verified=traits.is_email_verified,
        discovery=discovery,
        id_tokens=IdTokenVerifier(discovery, clock, traits.other_issuers if settings.issuer is None else ()),
        http=http,
        response_mode=traits.response_mode,
        custom_claims=traits.custom_claims,
    )


def _client_secret(settings: OAuthProviderSettings, clock: Clock) -> Callable[[], str]:
    if settings.name != "apple":
        return lambda: settings.secret
    return AppleClientSecret.from_pem(
        settings.secret,
        f"{FAMILY}APPLE_SECRET",
        client_id=settings.client_ids[0],
        team_id=settings.team_id,
        key_id=settings.key_id,
        clock=clock,
    )
