"""The relying party: which domain and origins, and that no input breaks the verification."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monynha.domains.auth.factors.errors import WebAuthnVerificationFailedError
from monynha.domains.auth.factors.relying_party import (
    RelyingParty,
    StoredCredential,
    WebAuthnUser,
    credential_id_of,
    user_handle_of,
)
from tests.domains.auth.authenticator import Authenticator, base64url, from_base64url

NONCE = bytes(range(32))
PARTY = RelyingParty("localhost", "localhost", frozenset({"http://localhost:8000"}))
USER = WebAuthnUser(uuid4(), "ada@example.com", "Ada")
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=20),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=8), children, max_size=3),
    max_leaves=6,
)


def created() -> tuple[Authenticator, dict[str, Any]]:
    key = Authenticator()
    options = PARTY.registration_options(USER, NONCE, existing=(), is_passkey=True)
    return key, key.create(options)


@pytest.mark.parametrize(
    ("site_url", "rp_id", "domain", "origins"),
    [
        ("https://work.example", "", "work.example", {"https://work.example"}),
        ("https://Work.example:8443", "", "work.example", {"https://work.example:8443"}),
        ("https://app.work.example", "work.example", "work.example", {"https://app.work.example"}),
        ("http://127.0.0.1:8000", "", "localhost", {"http://127.0.0.1:8000", "http://localhost:8000"}),
        ("http://[::1]:8000", "", "localhost", {"http://[::1]:8000", "http://localhost:8000"}),
        ("http://localhost", "", "localhost", {"http://localhost"}),
    ],
)
def test_a_site_has_a_domain_and_origins(site_url: str, rp_id: str, domain: str, origins: set[str]) -> None:
    party = RelyingParty.of_site(site_url, rp_id=rp_id)

    assert party is not None
    assert (party.id, set(party.origins)) == (domain, origins)


@pytest.mark.parametrize("site_url", ["http://192.0.2.1", "https://[2001:db8::1]:8000"])
def test_a_site_at_an_address_has_none(site_url: str) -> None:
    assert RelyingParty.of_site(site_url) is None


def test_every_localhost_is_accepted_in_development_alone() -> None:
    development = RelyingParty.of_site("http://127.0.0.1:8000", allows_localhost=True)
    production = RelyingParty.of_site("http://127.0.0.1:8000")
    elsewhere = RelyingParty.of_site("https://work.example", allows_localhost=True)
    assert development
    assert production
    assert elsewhere
    key = Authenticator(origin="http://localhost:5173")
    credential = key.create(development.registration_options(USER, NONCE, existing=(), is_passkey=True))

    assert development.verify_registration(credential, NONCE, is_passkey=True).credential_id == key.credential_id
    for party in (production, elsewhere):
        with pytest.raises(WebAuthnVerificationFailedError):
            party.verify_registration(credential, NONCE, is_passkey=True)


@pytest.mark.parametrize(
    "origin", ["http://localhost.evil.example", "http://localhost:1@evil.example", "null", 5, None]
)
def test_no_other_origin_passes_for_localhost(origin: Any) -> None:
    party = RelyingParty.of_site("http://127.0.0.1:8000", allows_localhost=True)
    assert party
    credential = Authenticator().create(
        party.registration_options(USER, NONCE, existing=(), is_passkey=True), origin=origin
    )

    with pytest.raises(WebAuthnVerificationFailedError):
        party.verify_registration(credential, NONCE, is_passkey=True)


def test_transports_are_the_known_ones() -> None:
    _, credential = created()
    credential["response"]["transports"] = ["usb", "telepathy", "nfc"]
    verified = PARTY.verify_registration(credential, NONCE, is_passkey=True)
    credential["response"]["transports"] = "usb"

    options: Any = PARTY.assertion_options(
        NONCE, allowed=[StoredCredential(b"id", verified.transports)], is_passkey=False
    )

    assert verified.transports == ["nfc", "usb"]
    assert PARTY.verify_registration(credential, NONCE, is_passkey=True).transports == []
    assert options["allowCredentials"][0]["transports"] == ["nfc", "usb"]


@given(JSON_VALUES, st.sampled_from(["", "id", "rawId", "type", "response"]))
@settings(max_examples=300, deadline=None)
def test_no_json_breaks_the_verification(value: Any, name: str) -> None:
    key, credential = created()
    public_key = PARTY.verify_registration(credential, NONCE, is_passkey=True).public_key
    assertion = key.get({"challenge": base64url(NONCE)})
    for original, verify in (
        (credential, lambda broken: PARTY.verify_registration(broken, NONCE, is_passkey=True)),
        (
            assertion,
            lambda broken: PARTY.verify_assertion(broken, NONCE, public_key=public_key, sign_count=0, is_passkey=True),
        ),
        (credential, credential_id_of),
        (assertion, user_handle_of),
    ):
        broken = {**original, name: value} if name else (value if isinstance(value, dict) else {})
        try:
            verify(broken)
        except WebAuthnVerificationFailedError:
            continue


@given(
    st.binary(max_size=300), st.sampled_from(["attestationObject", "clientDataJSON", "authenticatorData", "signature"])
)
@settings(max_examples=300, deadline=None)
def test_no_bytes_break_the_verification(raw: bytes, name: str) -> None:
    key, credential = created()
    public_key = PARTY.verify_registration(credential, NONCE, is_passkey=True).public_key
    assertion = key.get({"challenge": base64url(NONCE)})
    credential["response"][name] = assertion["response"][name] = base64url(raw)

    for verify in (
        lambda: PARTY.verify_registration(credential, NONCE, is_passkey=True),
        lambda: PARTY.verify_assertion(assertion, NONCE, public_key=public_key, sign_count=0, is_passkey=True),
    ):
        try:
            verify()
        except WebAuthnVerificationFailedError:
            continue


def test_deeply_nested_cbor_is_refused() -> None:
    _, credential = created()
    credential["response"]["attestationObject"] = base64url(b"\x81" * 50_000 + b"\x00")

    with pytest.raises(WebAuthnVerificationFailedError):
        PARTY.verify_registration(credential, NONCE, is_passkey=True)


def test_the_client_data_may_be_any_json() -> None:
    values: list[Any] = [[], 1, "text", None, {"type": []}, {"type": "webauthn.create", "challenge": 5, "origin": "x"}]
    for value in values:
        _, credential = created()
        credential["response"]["clientDataJSON"] = base64url(json.dumps(value).encode())
        with pytest.raises(WebAuthnVerificationFailedError):
            PARTY.verify_registration(credential, NONCE, is_passkey=True)


def test_no_changed_byte_of_an_attestation_breaks_the_verification() -> None:
    _, credential = created()
    original = from_base64url(credential["response"]["attestationObject"])
    refused = 0
    for index in range(len(original)):
        for mask in (0x01, 0x80, 0xFF):
            changed = original[:index] + bytes([original[index] ^ mask]) + original[index + 1 :]
            credential["response"]["attestationObject"] = base64url(changed)
            try:
                PARTY.verify_registration(credential, NONCE, is_passkey=True)
            except WebAuthnVerificationFailedError:
                refused += 1

    # What is left are bytes of the counter, the AAGUID and the credential's id and key, which nobody has signed.
    assert refused > len(original)
