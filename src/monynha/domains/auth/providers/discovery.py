"""Discovery: the endpoints of an OpenID Connect provider (OpenID Connect Discovery 1.0 §4) and its keys (RFC 7517).

Both are kept in memory and fetched again after a while; keys also when a token names one that is new.
"""

from __future__ import annotations

import asyncio
import binascii
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key
from joserfc.util import urlsafe_b64decode

from monynha.core.clock import Clock
from monynha.domains.auth.providers.errors import ProviderUnavailableError
from monynha.infra.outgoing_http import OutgoingHttp, OutgoingRequestError

_METADATA_TTL = timedelta(hours=1)
_KEYS_TTL = timedelta(minutes=10)
"""How long a key that the provider has withdrawn may still be accepted."""
_KEYS_MIN_INTERVAL = timedelta(seconds=30)
"""How often tokens that name unknown keys may have them fetched."""
_PAUSE_AFTER_FAILURE = timedelta(seconds=3)
"""How long a provider that does not respond is left alone: those who wait for it would otherwise ask in turn."""
_MAX_KEYS = 100
_MIN_RSA_BITS = 2048
TENANT_PLACEHOLDER = "{tenantid}"
"""What Microsoft writes in the issuer of an endpoint that serves many tenants."""

PublicKey = RSAKey | ECKey | OKPKey
_log = logging.getLogger("monynha.auth")


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """What the program uses of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    sends_issuer: bool
    """Whether every authorization response has `iss` (RFC 9207 §3)."""
    uses_basic_authentication: bool


class Discovery:
    """The discovery document of one issuer and its keys. Its methods raise ProviderUnavailableError."""

    def __init__(self, issuer: str, http: OutgoingHttp, clock: Clock) -> None:
        self._issuer = issuer
        self._http = http
        self._clock = clock
        self._lock = asyncio.Lock()
        self._metadata: tuple[ProviderMetadata, datetime] | None = None
        self._keys: tuple[tuple[PublicKey, ...], datetime] | None = None
        self._failed_at: datetime | None = None

    async def metadata(self) -> ProviderMetadata:
        """Return the discovery document, at most an hour old."""
        async with self._lock:
            return await self._load_metadata()

    async def keys(self, kid: str | None) -> tuple[PublicKey, ...]:
        """Return the keys that may have signed a token, at most ten minutes old; all where it names none."""
        async with self._lock:
            now = self._clock()
            age = None if self._keys is None else now - self._keys[1]
            if age is None or age > _KEYS_TTL or (age > _KEYS_MIN_INTERVAL and not self._with_id(kid)):
                metadata = await self._load_metadata()
                self._keys = (_public_keys(await self._fetch(metadata.jwks_uri)), now)
            return self._with_id(kid)

    def _with_id(self, kid: str | None) -> tuple[PublicKey, ...]:
        assert self._keys is not None  # loaded by the caller
        keys = self._keys[0]
        return keys if kid is None else tuple(key for key in keys if key.get("kid") == kid)

    async def _load_metadata(self) -> ProviderMetadata:
        now = self._clock()
        if self._metadata is None or now - self._metadata[1] > _METADATA_TTL:
            document = await self._fetch(f"{self._issuer.rstrip('/')}/.well-known/openid-configuration")
            self._metadata = (self._parse(document), now)
        return self._metadata[0]

    async def _fetch(self, url: str) -> Mapping[str, object]:
        if self._failed_at is not None and self._clock() - self._failed_at < _PAUSE_AFTER_FAILURE:
            raise ProviderUnavailableError()
        try:
            response = await self._http.fetch_json("GET", url)
            problem = None if response.status == 200 else f"GET {url}: status {response.status}"
        except OutgoingRequestError as error:
            problem = str(error)
        if problem is not None:
            self._failed_at = self._clock()
            _log.warning("a provider does not respond: %s", problem)
            raise ProviderUnavailableError()
        return response.fields

    def _parse(self, document: Mapping[str, object]) -> ProviderMetadata:
        issuer = document.get("issuer")
        if not isinstance(issuer, str) or not self._is_own_issuer(issuer):
            # Discovery §4.3: anybody's document would otherwise speak for this issuer.
            _log.warning("the discovery document of %s has another issuer", self._issuer)
            raise ProviderUnavailableError()
        methods = document.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        return ProviderMetadata(
            issuer,
            authorization_endpoint=self._endpoint(document, "authorization_endpoint"),
            token_endpoint=self._endpoint(document, "token_endpoint"),
            jwks_uri=self._endpoint(document, "jwks_uri"),
            userinfo_endpoint=(
                self._endpoint(document, "userinfo_endpoint") if "userinfo_endpoint" in document else None
            ),
            sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            uses_basic_authentication=isinstance(methods, list) and "client_secret_basic" in methods,
        )

    def _is_own_issuer(self, issuer: str) -> bool:
        if issuer == self._issuer:
            return True
        # One document for many tenants, whose tokens name theirs.
        template = urlsplit(issuer)
        own = urlsplit(self._issuer)
        return TENANT_PLACEHOLDER in template.path and template[:2] == own[:2]

    def _endpoint(self, document: Mapping[str, object], name: str) -> str:
        """Return an endpoint, which has TLS where the issuer has."""
        url = document.get(name)
        if isinstance(url, str) and url.isascii() and not url.startswith("-"):
            parts = urlsplit(url)
            schemes = ("https",) if self._issuer.startswith("https:") else ("http", "https")
            if parts.scheme in schemes and parts.hostname and parts.username is None and not parts.fragment:
                return url
        _log.warning("the discovery document of %s has no valid %s", self._issuer, name)
        raise ProviderUnavailableError()


def _public_keys(document: Mapping[str, object]) -> tuple[PublicKey, ...]:
    """Return the keys of a JWK set that verify signatures.

    Secrets (`oct`) and keys for encryption are left out, and so is what cannot be read.
    """
    values = document.get("keys")
    keys: list[PublicKey] = []
    for value in values[:_MAX_KEYS] if isinstance(values, list) else ():
        if not isinstance(value, dict) or value.get("kty") not in ("RSA", "EC", "OKP"):
            continue
        if value.get("use", "sig") != "sig" or not _is_strong(value):
            continue
        try:
            key = import_key({name: item for name, item in value.items() if name not in ("x5c", "x5t", "key_ops")})
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        if isinstance(key, RSAKey | ECKey | OKPKey):
            keys.append(key)
    return tuple(keys)


def _is_strong(value: Mapping[str, object]) -> bool:
    """Whether an RSA key is long enough (RFC 7518 §3.3); other keys have one length."""
    if value.get("kty") != "RSA":
        return True
    modulus = value.get("n")
    try:
        return isinstance(modulus, str) and 8 * len(urlsafe_b64decode(modulus.encode())) >= _MIN_RSA_BITS
    except (ValueError, binascii.Error):
        return False
