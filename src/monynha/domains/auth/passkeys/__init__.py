"""Passkeys: WebAuthn credentials that sign in without a password.

passkey           `Passkey` values and the names of well-known authenticators
passkey_service   registration, sign-in and management
"""
