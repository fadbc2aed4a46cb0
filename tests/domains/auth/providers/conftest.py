"""Fixtures of this folder: those of providers."""

from tests.domains.auth.provider_fixtures import (
    forged_app,
    forged_issuer,
    forged_sign_in,
    make_browser,
    make_provider_app,
    real_app,
    real_provider,
)

__all__ = [
    "forged_app",
    "forged_issuer",
    "forged_sign_in",
    "make_browser",
    "make_provider_app",
    "real_app",
    "real_provider",
]
