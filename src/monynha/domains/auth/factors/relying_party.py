"""WebAuthn (Level 3) for this site: what a browser is asked, and whether what it answers is valid."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import orjson

from monynha.domains.auth.factors.errors import WebAuthnVerificationFailedError

CHALLENGE_BYTES = 32
_LOCALHOST_ORIGIN = re.compile(r"https?://localhost(:\d{1,5})?")
_TRANSPORTS = frozenset({"usb", "nfc", "ble", "smart-card", "internal", "cable", "hybrid"})
_MALFORMED = (IndexError, KeyError, TypeError, ValueError)
"""What the library lets through of a public key that lacks a member, or is no point of its curve."""
_MAX_CREDENTIAL_BYTES = 1023
"""The longest id of a credential (WebAuthn §5.8.3)."""


@dataclass(frozen=True, slots=True)
class StoredCredential:
    """A credential as the database has it."""

    credential_id: bytes
    transports: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NewCredential:
    """A credential that was just created."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: list[str]
    aaguid: str
    is_backed_up: bool


@dataclass(frozen=True, slots=True)
class WebAuthnUser:
    """How an authenticator shows an account."""

    id: UUID
    name: str
    display_name: str

    @property
    def handle(self) -> bytes:
        """The user handle: the id as text, as upstream has it, so that its credentials stay valid when imported."""
        return str(self.id).encode()


@dataclass(frozen=True)
class RelyingParty:
    """The domain that credentials belong to, and the origins whose pages may use them."""

    id: str
    name: str
    origins: frozenset[str]
    allows_localhost: bool = False
    """Whether every page of `localhost` may, whatever its port: for development."""

    @classmethod
    def of_site(
        cls, site_url: str, *, rp_id: str = "", origins: Sequence[str] = (), allows_localhost: bool = False
    ) -> RelyingParty | None:
        """Return the relying party of a site; None if its host is an address, which can have no credentials."""
        site = urlsplit(site_url)
        domain = rp_id or _domain_of(site.hostname or "")
        if domain is None:
            return None
        site_origin = f"{site.scheme}://{site.netloc}".lower()
        all_origins = {site_origin, *origins}
        if domain == "localhost" and site.hostname != "localhost":
            all_origins.add(f"{site.scheme}://localhost" + (f":{site.port}" if site.port else ""))
        return cls(domain, domain, frozenset(all_origins), allows_localhost and domain == "localhost")

    def registration_options(
        self,
        user: WebAuthnUser,
        nonce: bytes,
        *,
        existing: Sequence[StoredCredential],
        is_passkey: bool,
    ) -> dict[str, object]:
        """Return the options of `navigator.credentials.create`, with binary values in base64url.

        A passkey is discoverable and verifies its user, since it is all that a sign-in needs.
        """
        from webauthn import generate_registration_options
        from webauthn.helpers.structs import (
            AuthenticatorSelectionCriteria,
            ResidentKeyRequirement,
            UserVerificationRequirement,
        )

        requirement = UserVerificationRequirement.REQUIRED if is_passkey else UserVerificationRequirement.PREFERRED
        resident_key = ResidentKeyRequirement.REQUIRED if is_passkey else ResidentKeyRequirement.DISCOURAGED
        options = generate_registration_options(
            rp_id=self.id,
            rp_name=self.name,
            user_id=user.handle,
            user_name=user.name,
            user_display_name=user.display_name,
            challenge=nonce,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=resident_key, user_verification=requirement
            ),
            exclude_credentials=_descriptors(existing),
        )
        return _options_json(options)

    def assertion_options(
        self, nonce: bytes, *, allowed: Sequence[StoredCredential], is_passkey: bool
    ) -> dict[str, object]:
        """Return the options of `navigator.credentials.get`; without allowed credentials any passkey will do."""
        from webauthn import generate_authentication_options
        from webauthn.helpers.structs import UserVerificationRequirement

        requirement = UserVerificationRequirement.REQUIRED if is_passkey else UserVerificationRequirement.PREFERRED
        options = generate_authentication_options(
            rp_id=self.id, challenge=nonce, allow_credentials=_descriptors(allowed), user_verification=requirement
        )
        return _options_json(options)

    def verify_registration(self, credential: Mapping[str, object], nonce: bytes, *, is_passkey: bool) -> NewCredential:
        """Return the credential of an answer to registration options; raise WebAuthnVerificationFailedError."""
        from webauthn import verify_registration_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            verified = verify_registration_response(
                credential=dict(credential),
                expected_challenge=nonce,
                expected_rp_id=self.id,
                expected_origin=self._expected_origins(credential),
                require_user_verification=is_passkey,
            )
        except (WebAuthnException, *_MALFORMED):
            raise WebAuthnVerificationFailedError() from None
        if len(verified.credential_id) > _MAX_CREDENTIAL_BYTES:
            raise WebAuthnVerificationFailedError()
        response = credential["response"]
        transports = response.get("transports") if isinstance(response, dict) else None
        return NewCredential(
            verified.credential_id,
            verified.credential_public_key,
            verified.sign_count,
            _known_transports(transports),
            verified.aaguid,
            verified.credential_backed_up,
        )

    def verify_assertion(
        self,
        credential: Mapping[str, object],
        nonce: bytes,
        *,
        public_key: bytes,
        sign_count: int,
        is_passkey: bool,
    ) -> int:
        """Return the new signature counter of an assertion; raise WebAuthnVerificationFailedError.

        A counter that does not grow means a copy of the authenticator (WebAuthn §6.1.1); one that is always 0 counts
        nothing.
        """
        from webauthn import verify_authentication_response
        from webauthn.helpers.exceptions import WebAuthnException

        try:
            verified = verify_authentication_response(
                credential=dict(credential),
                expected_challenge=nonce,
                expected_rp_id=self.id,
                expected_origin=self._expected_origins(credential),
                credential_public_key=public_key,
                credential_current_sign_count=sign_count,
                require_user_verification=is_passkey,
            )
        except (WebAuthnException, *_MALFORMED):
            raise WebAuthnVerificationFailedError() from None
        return verified.new_sign_count

    def _expected_origins(self, credential: Mapping[str, object]) -> list[str]:
        """Return the origins that are accepted: in development also that of the credential, if it is a localhost."""
        from webauthn.helpers import base64url_to_bytes

        origins = sorted(self.origins)
        if self.allows_localhost:
            try:
                response: Any = credential["response"]
                client_data = orjson.loads(base64url_to_bytes(response["clientDataJSON"]))
                origin = client_data["origin"]
            except (KeyError, TypeError, ValueError):
                raise WebAuthnVerificationFailedError() from None
            if isinstance(origin, str) and _LOCALHOST_ORIGIN.fullmatch(origin):
                origins.append(origin)
        return origins


def credential_id_of(credential: Mapping[str, object]) -> bytes:
    """Return the id of the credential that an assertion is made with; raise WebAuthnVerificationFailedError."""
    from webauthn.helpers import base64url_to_bytes

    raw_id = credential.get("rawId")
    if not isinstance(raw_id, str) or len(raw_id) > 2 * _MAX_CREDENTIAL_BYTES:
        raise WebAuthnVerificationFailedError()
    try:
        return base64url_to_bytes(raw_id)
    except ValueError:
        raise WebAuthnVerificationFailedError() from None


def user_handle_of(credential: Mapping[str, object]) -> str | None:
    """Return the user handle of an assertion as text; None if it has none."""
    from webauthn.helpers import base64url_to_bytes

    response = credential.get("response")
    handle = response.get("userHandle") if isinstance(response, dict) else None
    if handle is None:
        return None
    try:
        return base64url_to_bytes(handle).decode()
    except (AttributeError, TypeError, ValueError):
        raise WebAuthnVerificationFailedError() from None


def _domain_of(host: str) -> str | None:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() or None
    return "localhost" if address.is_loopback else None


def _descriptors(credentials: Sequence[StoredCredential]) -> Any:
    from webauthn.helpers.structs import AuthenticatorTransport, PublicKeyCredentialDescriptor

    return [
        PublicKeyCredentialDescriptor(
            id=credential.credential_id,
            transports=[AuthenticatorTransport(transport) for transport in credential.transports] or None,
        )
        for credential in credentials
    ]


def _options_json(options: Any) -> dict[str, object]:
    from webauthn.helpers import options_to_json_dict

    return options_to_json_dict(options)


def _known_transports(value: object) -> list[str]:
    return sorted(name for name in _TRANSPORTS if name in value) if isinstance(value, list) else []
