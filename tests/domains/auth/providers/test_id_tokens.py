"""ID tokens that are forged, expired, of others, or signed with a key or an algorithm that must not be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey

from monynha.domains.auth.providers.discovery import Discovery
from monynha.domains.auth.providers.id_tokens import IdTokenVerifier, InvalidIdTokenError
from tests.domains.auth.forged_issuer import CLIENT_ID, ForgedIssuer, at_hash
from tests.domains.auth.manual_clock import ManualClock
from tests.domains.auth.provider_fixtures import CLIENT_SECRET

OTHER_CLIENT = "somebody-elses-client"


def verifier_for(issuer: ForgedIssuer, clock: ManualClock | None = None, **options: Any) -> IdTokenVerifier:
    clock = clock or ManualClock(datetime.now(UTC))
    return IdTokenVerifier(Discovery(issuer.issuer, issuer.http, clock), clock, **options)


async def reason(issuer: ForgedIssuer, token: str, **options: Any) -> str:
    """Return why a token is refused."""
    with pytest.raises(InvalidIdTokenError) as refused:
        await verifier_for(issuer).verify(token, **{"audiences": (CLIENT_ID,), **options})
    return str(refused.value)


def signed_by_hand(header: dict[str, Any], claims: dict[str, Any], key: bytes | None) -> str:
    """Sign with HMAC, or not at all, whatever the header says."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    text = b".".join(parts)
    signature = base64.urlsafe_b64encode(hmac.digest(key, text, hashlib.sha256)).rstrip(b"=") if key else b""
    return b".".join([text, signature]).decode()


def valid_claims(issuer: ForgedIssuer, **changes: Any) -> dict[str, Any]:
    payload = issuer.id_token(**changes).split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


@pytest.mark.parametrize("key", [RSAKey.generate_key(2048, {"kid": "r"}), ECKey.generate_key("P-256", {"kid": "e"})])
async def test_valid_token_gives_its_claims(key: RSAKey | ECKey) -> None:
    issuer = ForgedIssuer(keys=[key], signing_key=key, claims={"email": "ada@example.com"})
    options = {"access_token": "provider-access"} if isinstance(key, RSAKey) else {}
    claims = await verifier_for(issuer).verify(issuer.id_token(), audiences=(CLIENT_ID,), **options)

    assert (claims["sub"], claims["email"]) == ("forged-1", "ada@example.com")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"exp": 1}, "exp"),
        ({"exp": ...}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"exp": True}, "exp"),
        ({"iat": 32_503_680_000}, "iat"),
        ({"iat": ...}, "iat"),
        ({"nbf": 32_503_680_000}, "nbf"),
        ({"nbf": "now"}, "nbf"),
        ({"iss": "https://evil.example"}, "iss"),
        ({"iss": "https://login.example.org/"}, "iss"),
        ({"iss": ...}, "iss"),
        ({"aud": OTHER_CLIENT}, "aud"),
        ({"aud": [OTHER_CLIENT]}, "aud"),
        ({"aud": [[CLIENT_ID]]}, "aud"),
        ({"aud": {"x": CLIENT_ID}}, "aud"),
        ({"aud": ...}, "aud"),
        ({"aud": [CLIENT_ID, OTHER_CLIENT]}, "azp"),
        ({"aud": [CLIENT_ID, OTHER_CLIENT], "azp": OTHER_CLIENT}, "azp"),
        ({"azp": OTHER_CLIENT}, "azp"),
        ({"azp": ["x"]}, "azp"),
        ({"at_hash": at_hash("another token")}, "at_hash"),
        ({"at_hash": 1}, "at_hash"),
    ],
)
async def test_token_with_a_wrong_claim_is_refused(
    forged_issuer: ForgedIssuer, changes: dict[str, Any], expected: str
) -> None:
    token = forged_issuer.id_token(**changes)

    assert await reason(forged_issuer, token, access_token="provider-access") == expected


async def test_token_for_two_audiences_needs_ours_as_authorized_party(forged_issuer: ForgedIssuer) -> None:
    token = forged_issuer.id_token(aud=[OTHER_CLIENT, CLIENT_ID], azp=CLIENT_ID)

    assert (await verifier_for(forged_issuer).verify(token, audiences=(CLIENT_ID,)))["azp"] == CLIENT_ID


async def test_token_without_a_signature_is_refused(forged_issuer: ForgedIssuer) -> None:
    claims = valid_claims(forged_issuer)

    for algorithm in ("none", "None", "NONE", "", None, ["RS256"]):
        token = signed_by_hand({"alg": algorithm, "kid": "rsa-1"}, claims, None)
        assert await reason(forged_issuer, token) == "alg"


async def test_token_signed_with_a_secret_is_refused(forged_issuer: ForgedIssuer) -> None:
    """The client secret, the issuer's public key and a symmetric key in its key set must not sign."""
    claims = valid_claims(forged_issuer)
    public_key = forged_issuer.signing_key
    assert isinstance(public_key, RSAKey)
    symmetric = OctKey.generate_key(256, {"kid": "oct-1"})
    forged_issuer.keys.append(symmetric)
    secrets = {
        "rsa-1": [CLIENT_SECRET.encode(), public_key.as_pem(private=False), public_key.as_der(private=False)],
        "oct-1": [symmetric.raw_value],
    }

    for kid, keys in secrets.items():
        for key in keys:
            assert await reason(forged_issuer, signed_by_hand({"alg": "HS256", "kid": kid}, claims, key)) == "alg"
            token = signed_by_hand({"alg": "RS256", "kid": kid}, claims, key)
            assert await reason(forged_issuer, token) == "signature"


async def test_token_of_another_key_with_the_same_id_is_refused(forged_issuer: ForgedIssuer) -> None:
    forged_issuer.signing_key = RSAKey.generate_key(2048, {"kid": "rsa-1"})

    assert await reason(forged_issuer, forged_issuer.id_token()) == "signature"


async def test_key_in_the_token_itself_is_not_used(forged_issuer: ForgedIssuer) -> None:
    own_key = RSAKey.generate_key(2048, {"kid": "rsa-1"})
    forged_issuer.signing_key = own_key
    forged_issuer.header = {"jwk": own_key.as_dict(private=False), "jku": "https://evil.example/jwks"}

    assert await reason(forged_issuer, forged_issuer.id_token()) == "signature"
    assert set(forged_issuer.paths()) == {"/.well-known/openid-configuration", "/jwks"}


async def test_keys_that_encrypt_or_are_short_or_of_another_algorithm_do_not_verify(
    forged_issuer: ForgedIssuer,
) -> None:
    key = RSAKey.generate_key(2048)
    unusable = [
        RSAKey.import_key({**key.as_dict(private=True), "kid": "enc", "use": "enc"}),
        RSAKey.import_key({**key.as_dict(private=True), "kid": "other", "alg": "PS256"}),
    ]
    forged_issuer.keys = [*unusable]

    for unusable_key in unusable:
        forged_issuer.signing_key = RSAKey.import_key(
            {**key.as_dict(private=True), "kid": str(unusable_key.get("kid"))}
        )
        assert await reason(forged_issuer, forged_issuer.id_token()) == "signature"


@pytest.mark.parametrize("token", ["", "x", "a.b", "a.b.c", "é.b.c", "W10.e30.x", "a.b.c.d", "e30.e30." + "x" * 40_000])
async def test_text_that_is_no_token_is_refused(forged_issuer: ForgedIssuer, token: str) -> None:
    assert await reason(forged_issuer, token) in ("form", "alg")


async def test_critical_extension_is_refused(forged_issuer: ForgedIssuer) -> None:
    token = signed_by_hand({"alg": "RS256", "kid": "rsa-1", "crit": ["b64"]}, valid_claims(forged_issuer), b"x")

    assert await reason(forged_issuer, token) == "crit"


async def test_issuer_of_many_tenants_accepts_the_tenant_of_the_token_alone() -> None:
    """Microsoft: the discovery document has a placeholder, and each token the issuer of its tenant."""
    issuer = ForgedIssuer("https://login.example.org/common/v2.0")
    issuer.document = {"issuer": "https://login.example.org/{tenantid}/v2.0"}
    tenant = "9188040d-6c67-4c5b-b112-36a304b66dad"
    own = f"https://login.example.org/{tenant}/v2.0"

    claims = await verifier_for(issuer).verify(issuer.id_token(iss=own, tid=tenant), audiences=(CLIENT_ID,))

    assert claims["tid"] == tenant
    assert await reason(issuer, issuer.id_token(iss=own, tid="another")) == "iss"
    assert await reason(issuer, issuer.id_token(iss=own)) == "tid"
    assert await reason(issuer, issuer.id_token(iss="https://login.example.org/a/../b/v2.0", tid="a/../b")) == "tid"


async def test_second_name_of_an_issuer_is_accepted(forged_issuer: ForgedIssuer) -> None:
    verifier = verifier_for(forged_issuer, other_issuers=("login.example.org",))
    token = forged_issuer.id_token(iss="login.example.org")

    assert (await verifier.verify(token, audiences=(CLIENT_ID,)))["iss"] == "login.example.org"
