"""Access tokens of a key set: which key signs, which verify, and what nobody can forge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from monynha.core.actor import ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.auth.tokens.api_keys import publishable_key, secret_key
from monynha.domains.auth.tokens.foreign_issuer import ForeignIssuer
from monynha.domains.auth.tokens.jwk import generate_key, parse_public_jwk, public_jwk
from monynha.domains.auth.tokens.jws import EllipticCurveKey, JwsKey, SharedSecret, encode_base64url, sign_jws
from monynha.domains.auth.tokens.signing_keys import KeySet, SigningKey
from monynha.infra.outgoing_http import OutgoingHttp
from tests.domains.auth.manual_clock import ManualClock
from tests.domains.auth.signed_tokens import ISSUER, NOW, SECRET, START

FOREIGN = "https://project.supabase.co/auth/v1"
SUB = str(uuid4())
ES256, RS256, OTHER = generate_key("ES256"), generate_key("RS256"), generate_key("ES256")


def claims(**changes: Any) -> dict[str, Any]:
    """Return the claims of a person's token."""
    return {
        "iss": ISSUER,
        "sub": SUB,
        "aud": "authenticated",
        "role": "authenticated",
        "iat": START,
        "exp": START + 3600,
        **changes,
    }


def signing_key(kid: str, key: JwsKey, signs_from: int = 0, verifies_until: int | None = None) -> SigningKey:
    """Return a key by seconds before or after now."""
    until = None if verifies_until is None else NOW + timedelta(seconds=verifies_until)
    return SigningKey(kid, key, True, NOW + timedelta(seconds=signs_from), until)


def access_tokens(*keys: SigningKey, algorithm: str = "ES256", foreign: JwsKey | None = None) -> AccessTokens:
    """Return the tokens of a key set, and of a foreign issuer whose key is `foreign-key`."""
    issuer = None
    if foreign is not None:
        issuer = ForeignIssuer(FOREIGN, OutgoingHttp())
        jwk = public_jwk(foreign)
        assert jwk is not None
        issuer._keys = {"foreign-key": parse_public_jwk(jwk)}
    return AccessTokens(
        SECRET,
        issuer=ISSUER,
        ttl_s=3600,
        clock=ManualClock(NOW),
        keys=KeySet(SECRET, algorithm=algorithm, keys=keys),
        foreign_issuer=issuer,
    )


def assert_refused(tokens: AccessTokens, text: str) -> None:
    with pytest.raises(UnauthenticatedError):
        tokens.verify(text)


def test_the_newest_key_that_has_begun_to_sign_signs() -> None:
    old, new, following = (generate_key("ES256") for _ in range(3))
    keys = KeySet(
        SECRET,
        algorithm="ES256",
        keys=[
            signing_key("old", old, -1000, 100),
            signing_key("new", new, -10),
            signing_key("next", following, 10),
            signing_key("rsa", RS256, -5),
        ],
    )
    assert keys.signer(NOW).kid == "new"
    assert keys.signer(NOW + timedelta(seconds=10)).kid == "next"
    assert [jwk["kid"] for jwk in keys.public_keys(NOW)] == ["next", "rsa", "new", "old"]
    assert [jwk["kid"] for jwk in keys.public_keys(NOW + timedelta(seconds=100))] == ["next", "rsa", "new"]


def test_the_published_set_has_no_secrets() -> None:
    keys = KeySet(
        SECRET, keys=[signing_key("a", ES256), signing_key("b", RS256), signing_key("c", generate_key("HS256"))]
    )
    published = keys.public_keys(NOW)
    assert {jwk["kid"] for jwk in published} == {"a", "b"}
    for jwk in published:
        assert jwk.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use", "key_ops"}


def test_a_replaced_key_verifies_until_its_last_token_has_ended() -> None:
    text = sign_jws(claims(), ES256, "old")
    assert access_tokens(signing_key("old", ES256, -10, 1)).verify(text).id == UUID(SUB)
    assert_refused(access_tokens(signing_key("old", ES256, -10, 0)), text)
    assert_refused(access_tokens(), text)


def test_a_revoked_key_is_refused_though_its_tokens_were_verified() -> None:
    tokens = access_tokens(signing_key("a", ES256))
    text = sign_jws(claims(), ES256, "a")
    tokens.verify(text)
    assert tokens.keys.replace([signing_key("a", ES256, -10, 0), signing_key("b", OTHER)], NOW)
    tokens.forget_verified()
    assert_refused(tokens, text)
    assert not tokens.keys.replace([signing_key("b", OTHER), signing_key("c", RS256)], NOW)


def test_tokens_and_keys_of_the_secret_stay_valid() -> None:
    tokens = access_tokens(signing_key("a", ES256))
    assert tokens.verify(sign_jws(claims(), SharedSecret(SECRET.encode()), None)).id == UUID(SUB)
    service_key = sign_jws({"role": "service_role"}, SharedSecret(SECRET.encode()), None)
    assert tokens.verify(service_key).kind is ActorKind.SERVICE


def test_a_key_verifies_its_own_algorithm_alone() -> None:
    assert isinstance(ES256, EllipticCurveKey)
    tokens = access_tokens(signing_key("a", ES256), signing_key("b", RS256))
    pem = ES256.public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    der = ES256.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    jwk = orjson.dumps(public_jwk(ES256))
    for secret in (pem, pem.strip(), der, jwk, b"", b"a"):
        for kid in ("a", None, "unknown"):
            assert_refused(tokens, sign_jws(claims(), SharedSecret(secret), kid))
    # The right secret, for the id of a key that is none.
    assert_refused(tokens, sign_jws(claims(), SharedSecret(SECRET.encode()), "a"))
    assert_refused(tokens, sign_jws(claims(), ES256, "b"))
    assert_refused(tokens, sign_jws(claims(), RS256, "a"))
    assert_refused(tokens, sign_jws(claims(), ES256, None))
    assert_refused(tokens, sign_jws(claims(), OTHER, "a"))


@pytest.mark.parametrize(
    "kid",
    ["../../../../dev/null", "/dev/null", "a' or '1'='1", "a\x00", "", " a", "A", "https://evil.example/jwks.json"],
)
def test_the_id_of_a_key_is_only_looked_up(kid: str) -> None:
    tokens = access_tokens(signing_key("a", ES256))
    assert_refused(tokens, sign_jws(claims(), ES256, kid))
    assert_refused(tokens, sign_jws(claims(), SharedSecret(b""), kid))


def test_none_is_no_algorithm() -> None:
    tokens = access_tokens(signing_key("a", ES256))
    body = encode_base64url(orjson.dumps(claims())).decode()
    for header in ({"alg": "none"}, {"alg": "none", "kid": "a"}, {"alg": "NONE"}, {"typ": "JWT"}):
        assert_refused(tokens, f"{encode_base64url(orjson.dumps(header)).decode()}.{body}.")


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": START},
        {"exp": None},
        {"exp": "9999999999"},
        {"exp": True},
        {"nbf": START + 60},
        {"iat": START + 60},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"iss": FOREIGN},
        {"iss": [ISSUER]},
        {"aud": "other"},
        {"aud": 1},
        {"role": "service"},
        {"sub": "1"},
        {"token_id": str(uuid4())},
        {"foreign": True},
        {"scopes": "read"},
        {"scopes": [1]},
        {"project_ids": "x"},
        {"project_ids": ["x"]},
    ],
)
def test_a_signature_is_not_enough(changes: dict[str, Any]) -> None:
    assert_refused(access_tokens(signing_key("a", ES256), foreign=OTHER), sign_jws(claims(**changes), ES256, "a"))


def test_a_foreign_issuer_speaks_for_its_own_people_alone() -> None:
    tokens = access_tokens(signing_key("a", ES256), foreign=OTHER)
    metadata = {"app_metadata": {"role": "admin"}, "session_id": str(uuid4())}
    actor = tokens.verify(sign_jws(claims(iss=FOREIGN, **metadata), OTHER, "foreign-key"))
    assert (actor.id, actor.is_foreign, actor.is_admin, actor.session_id) == (UUID(SUB), True, False, None)
    assert actor.claims.startswith('{"foreign":true')
    for changes in (
        {"iss": ISSUER},
        {"iss": f"{FOREIGN}/"},
        {"iss": None},
        {"iss": FOREIGN, "role": "service_role"},
        {"iss": FOREIGN, "role": "supabase_admin"},
        {"iss": FOREIGN, "role": "anon", "sub": None},
        {"iss": FOREIGN, "exp": None},
        {"iss": FOREIGN, "exp": START},
        {"iss": FOREIGN, "token_id": "x"},
        {"iss": FOREIGN, "foreign": True},
    ):
        assert_refused(tokens, sign_jws(claims(**changes), OTHER, "foreign-key"))
    # Our own keys and our secret do not sign in its name.
    assert_refused(tokens, sign_jws(claims(iss=FOREIGN), ES256, "a"))
    assert_refused(tokens, sign_jws(claims(iss=FOREIGN), ES256, "foreign-key"))
    assert_refused(tokens, sign_jws(claims(iss=FOREIGN), SharedSecret(SECRET.encode()), None))
    assert_refused(tokens, sign_jws(claims(iss=FOREIGN), SharedSecret(SECRET.encode()), "foreign-key"))


def test_a_foreign_key_does_not_replace_one_of_ours() -> None:
    tokens = access_tokens(signing_key("foreign-key", ES256), foreign=OTHER)
    assert tokens.verify(sign_jws(claims(), ES256, "foreign-key")).id == UUID(SUB)
    assert_refused(tokens, sign_jws(claims(iss=FOREIGN), OTHER, "foreign-key"))


def test_api_keys_of_the_new_form_are_roles() -> None:
    tokens = access_tokens()
    assert tokens.verify(publishable_key(SECRET)).is_anonymous
    assert tokens.verify(secret_key(SECRET)).kind is ActorKind.SERVICE
    for text in (
        "sb_",
        "sb_secret_",
        secret_key(SECRET)[:-1],
        secret_key("another secret"),
        secret_key(SECRET) + "x",
        "sb_é",
    ):
        assert_refused(tokens, text)
