"""Routes that describe auth: health, settings and the key set."""

from __future__ import annotations

from dataclasses import dataclass

from monynha import __version__
from monynha.domains.auth.composition import AuthServices
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route

# fmt: off
_OTHER_PROVIDERS = (
    "apple", "azure", "bitbucket", "discord", "facebook", "figma", "fly", "github",
    "gitlab", "google", "kakao", "keycloak", "linkedin", "linkedin_oidc", "notion", "slack",
    "slack_oidc", "snapchat", "spotify", "twitch", "twitter", "workos", "x", "zoom",
)
# fmt: on


@dataclass(frozen=True)
class SettingsRoutes:
    """Routes that need no authentication."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/health", self._health),
            Route("GET", "/settings", self._settings),
            Route("GET", "/.well-known/jwks.json", self._jwks),
        )

    async def _health(self, _: Request) -> Response:
        # Official clients look for this name.
        return json_response(
            {"version": f"v{__version__}", "name": "GoTrue", "description": "Accounts and sessions of Monynha"}
        )

    async def _settings(self, _: Request) -> Response:
        auth = self.auth
        phone_accounts = auth.phone_accounts
        return json_response(
            {
                "external": {
                    **dict.fromkeys(_OTHER_PROVIDERS, False),
                    "anonymous_users": auth.anonymous_users.is_enabled,
                    "email": True,
                    "phone": phone_accounts.is_enabled,
                    **dict.fromkeys(auth.providers.names, True),
                },
                "disable_signup": not auth.sign_up.is_enabled,
                "mailer_autoconfirm": auth.autoconfirm,
                "phone_autoconfirm": phone_accounts.autoconfirm,
                "sms_provider": "hook" if phone_accounts.messages.has_hook else "",
                "saml_enabled": False,
                "saml_private_key_next_configured": False,
                "mfa_enabled": True,
                "passkeys_enabled": self.auth.second_factors.passkeys.relying_party is not None,
            }
        )

    async def _jwks(self, _: Request) -> Response:
        # A shared secret has no public key to list. The set changes fifteen minutes before it is used.
        keys = self.auth.tokens.keys.public_keys(self.auth.clock())
        return json_response({"keys": keys}, extra_headers=((b"cache-control", b"public, max-age=600"),))
