"""Discovery documents and keys: what is kept, when it is fetched again, and what is not believed."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from joserfc.jwk import ECKey

from monynha.domains.auth.providers.discovery import Discovery
from monynha.domains.auth.providers.errors import ProviderUnavailableError
from monynha.infra.outgoing_http import OutgoingHttp
from tests.domains.auth.forged_issuer import ForgedIssuer
from tests.domains.auth.manual_clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def discovery(forged_issuer: ForgedIssuer, clock: ManualClock) -> Discovery:
    return Discovery(forged_issuer.issuer, forged_issuer.http, clock)


async def test_document_and_keys_are_fetched_once_by_many_at_once(
    discovery: Discovery, forged_issuer: ForgedIssuer
) -> None:
    keys = await asyncio.gather(*(discovery.keys("rsa-1") for _ in range(10)))

    assert all(len(signing_keys) == 1 for signing_keys in keys)
    assert forged_issuer.paths() == ["/.well-known/openid-configuration", "/jwks"]


async def test_new_key_is_fetched_when_a_token_names_it(
    discovery: Discovery, forged_issuer: ForgedIssuer, clock: ManualClock
) -> None:
    await discovery.keys("rsa-1")
    forged_issuer.keys.append(ECKey.generate_key("P-256", {"kid": "ec-2"}))

    at_once = await discovery.keys("ec-2")
    clock.advance(31)
    later = await discovery.keys("ec-2")

    assert (len(at_once), len(later)) == (0, 1)


async def test_unknown_keys_have_the_set_fetched_twice_a_minute_at_most(
    discovery: Discovery, forged_issuer: ForgedIssuer, clock: ManualClock
) -> None:
    for _ in range(60):
        await discovery.keys("of-nobody")
        clock.advance(1)

    assert forged_issuer.paths().count("/jwks") <= 3


async def test_withdrawn_key_is_gone_after_ten_minutes(
    discovery: Discovery, forged_issuer: ForgedIssuer, clock: ManualClock
) -> None:
    await discovery.keys("rsa-1")
    forged_issuer.keys = [ECKey.generate_key("P-256", {"kid": "ec-2"})]
    clock.advance(601)

    assert await discovery.keys("rsa-1") == ()


async def test_document_is_fetched_again_after_an_hour(
    discovery: Discovery, forged_issuer: ForgedIssuer, clock: ManualClock
) -> None:
    await discovery.metadata()
    forged_issuer.document = {"token_endpoint": "https://login.example.org/new"}
    before = await discovery.metadata()
    clock.advance(3601)
    after = await discovery.metadata()

    assert before.token_endpoint.endswith("/token")
    assert after.token_endpoint.endswith("/new")


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "https://login.example.org/"},
        {"issuer": "https://evil.example/{tenantid}"},
        {"issuer": None},
        {"token_endpoint": "http://login.example.org/token"},
        {"token_endpoint": "http://169.254.169.254/latest"},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "https://login.example.org/#x"},
        {"userinfo_endpoint": "https://user:password@login.example.org/"},
        {"userinfo_endpoint": 7},
    ],
)
async def test_document_that_is_not_the_issuers_is_not_used(
    discovery: Discovery, forged_issuer: ForgedIssuer, document: dict[str, Any]
) -> None:
    forged_issuer.document = document

    with pytest.raises(ProviderUnavailableError):
        await discovery.metadata()


async def test_provider_that_was_away_is_asked_again_after_a_pause(
    forged_issuer: ForgedIssuer, clock: ManualClock
) -> None:
    is_away, requests = True, []

    def respond(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(503, json={}) if is_away else forged_issuer.respond(request)

    discovery = Discovery(forged_issuer.issuer, OutgoingHttp(transport=httpx.MockTransport(respond)), clock)
    for _ in range(3):
        with pytest.raises(ProviderUnavailableError):
            await discovery.metadata()
    is_away = False
    assert len(requests) == 1
    clock.advance(4)

    assert (await discovery.metadata()).issuer == forged_issuer.issuer


async def test_keys_that_cannot_be_read_or_are_weak_are_left_out(
    discovery: Discovery, forged_issuer: ForgedIssuer
) -> None:
    good = forged_issuer.keys[0].as_dict(private=False)
    weak = {"kty": "RSA", "n": "x" * 171, "e": "AQAB", "kid": "weak"}
    values = [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
        {"kty": "RSA", "n": "!", "e": "AQAB", "kid": "broken"},
        {"kty": "EC", "crv": "P-1", "kid": "curve"},
        "text",
        {**good, "use": "enc", "kid": "enc"},
        weak,
        {**good, "x5c": ["..."], "key_ops": ["verify"]},
    ]

    def respond(request: httpx.Request) -> httpx.Response:
        is_keys = request.url.path == "/jwks"
        return httpx.Response(200, json={"keys": values}) if is_keys else forged_issuer.respond(request)

    keys = await Discovery(
        forged_issuer.issuer, OutgoingHttp(transport=httpx.MockTransport(respond)), ManualClock()
    ).keys(None)

    assert [key.get("kid") for key in keys] == ["rsa-1"]
