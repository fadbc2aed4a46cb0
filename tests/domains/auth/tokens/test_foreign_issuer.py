"""A hosted Supabase as identity provider, played by a server of this test."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect

from monynha.app.composition.application import Application
from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.foreign_issuer import ForeignIssuer
from monynha.domains.auth.tokens.jwk import generate_key, public_jwk
from monynha.domains.auth.tokens.jws import JwsKey, sign_jws
from monynha.infra.outgoing_http import OutgoingHttp
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
OwnerSql = Callable[..., Awaitable[list[Any]]]
TIMEOUT_S = 20


@dataclass
class SupabaseStandIn:
    """The key set of a Supabase, and tokens of its people."""

    url: str = ""
    keys: dict[str, JwsKey] = field(default_factory=lambda: {"key-1": generate_key("ES256")})
    fetches: int = 0
    status: int = 200

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        assert request.startswith(b"GET /auth/v1/.well-known/jwks.json ")
        self.fetches += 1
        keys = [{**(public_jwk(key) or {}), "kid": kid, "alg": key.algorithm} for kid, key in self.keys.items()]
        body = json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "kid": "secret"}, *keys]}).encode()
        head = f"HTTP/1.1 {self.status} OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        writer.write(head.encode() + b"connection: close\r\n\r\n" + body)
        await writer.drain()
        writer.close()

    def token(self, kid: str = "key-1", **changes: Any) -> str:
        """Return a token of somebody whom it has signed in."""
        now = int(datetime.now(UTC).timestamp())
        claims = {
            "iss": f"{self.url}/auth/v1",
            "sub": str(uuid4()),
            "aud": "authenticated",
            "role": "authenticated",
            "email": f"{uuid4().hex}@example.com",
            "phone": "",
            "app_metadata": {"provider": "email", "role": "admin"},
            "user_metadata": {"name": "Grace Hopper"},
            "session_id": str(uuid4()),
            "is_anonymous": False,
            "iat": now,
            "exp": now + 3600,
            **changes,
        }
        return sign_jws(claims, self.keys[kid], kid)


@asynccontextmanager
async def serving() -> AsyncIterator[SupabaseStandIn]:
    supabase = SupabaseStandIn()
    server = await asyncio.start_server(supabase.serve, "127.0.0.1", 0)
    supabase.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield supabase
    finally:
        server.close()


@pytest.fixture
async def supabase(program: Application) -> AsyncIterator[SupabaseStandIn]:
    """Yield a Supabase that the running program accepts."""
    async with serving() as stand_in:
        issuer = ForeignIssuer.of_supabase(stand_in.url, OutgoingHttp(), creates_accounts=True)
        issuer.min_interval_s = 0.2
        issuer.on_revoked = program.auth.tokens.forget_verified
        program.auth.tokens.foreign_issuer = issuer
        await issuer.start()
        yield stand_in
        issuer.stop()
        program.auth.tokens.foreign_issuer = None
        program.auth.tokens.forget_verified()


def person(users: UserFactory, token: str) -> ApiUser:
    return replace(users.anonymous(), token=token)


@pytest.mark.parametrize("first", ["GET", "POST", "auth", "graphql", "socket", "transaction"])
async def test_an_account_and_a_profile_are_made_at_first_sight(
    users: UserFactory, supabase: SupabaseStandIn, address: str, owner_sql: OwnerSql, first: str
) -> None:
    sub, email = str(uuid4()), f"{uuid4().hex}@example.com"
    token = supabase.token(sub=sub, email=email)
    user, headers = person(users, token), {"authorization": f"Bearer {token}"}
    if first == "GET":
        assert (await user.get("/users/me")).status_code == 200
    elif first == "POST":
        assert (await user.post("/projects", {"name": "New"})).status_code == 201
    elif first == "auth":
        assert (await user.client.get("/auth/v1/user", headers=headers)).json()["id"] == sub
    elif first == "graphql":
        answer = await user.client.post("/graphql", json={"query": "{ projects { id } }"}, headers=headers)
        assert answer.json() == {"data": {"projects": []}}
    elif first == "transaction":
        response = await user.post("/projects", {"name": "New"}, headers={"idempotency-key": uuid4().hex})
        assert response.status_code == 201
    else:
        async with connect(f"ws://{address}/ws?token={token}") as socket:
            assert json.loads(await socket.recv()) == {"type": "ready", "userId": sub}
    me = (await user.get("/users/me")).json()["data"]
    assert (me["id"], me["name"], me["email"], me["emailVerified"]) == (sub, "Grace Hopper", email, True)
    [row] = await owner_sql("select app_metadata from auth.users where id = $1", sub)
    # What the other Supabase calls an admin is none here.
    assert json.loads(row[0]) == {"provider": "supabase", "providers": ["supabase"]}
    assert (await user.get("/admin/jobs")).status_code == 403


async def test_many_first_requests_make_one_account(users: UserFactory, supabase: SupabaseStandIn) -> None:
    user = person(users, supabase.token())
    responses = await asyncio.gather(*(user.post("/projects", {"name": "New"}) for _ in range(10)))
    assert {response.status_code for response in responses} == {201}


async def test_an_address_of_somebody_here_is_not_taken_over(users: UserFactory, supabase: SupabaseStandIn) -> None:
    local = await users.create()
    user = person(users, supabase.token(email=local.email))
    assert (await user.get("/users/me")).status_code == 401
    # Nor is an account: with its id it is the same person, who is what their row says.
    same = person(users, supabase.token(sub=str(local.id), email="other@example.com"))
    assert (await same.get("/users/me")).json()["data"]["email"] == local.email


async def test_a_banned_person_stays_banned(users: UserFactory, supabase: SupabaseStandIn) -> None:
    user = person(users, supabase.token())
    me = (await user.get("/users/me")).json()["data"]
    await users.ban(replace(user, id=me["id"]))
    assert (await user.get("/users/me")).status_code == 401


async def test_a_closed_sign_up_makes_no_accounts(
    users: UserFactory, supabase: SupabaseStandIn, program: Application
) -> None:
    assert program.auth.tokens.foreign_issuer is not None
    program.auth.tokens.foreign_issuer.creates_accounts = False
    assert (await person(users, supabase.token()).get("/users/me")).status_code == 401


async def test_a_new_key_is_found_and_an_old_one_forgotten(users: UserFactory, supabase: SupabaseStandIn) -> None:
    old = person(users, supabase.token())
    assert (await old.get("/users/me")).status_code == 200
    supabase.keys = {"key-2": generate_key("RS256")}
    new = person(users, supabase.token("key-2"))
    async with asyncio.timeout(TIMEOUT_S):
        while (await new.get("/users/me")).status_code != 200:
            await asyncio.sleep(0.05)
    assert (await old.get("/users/me")).status_code == 401


async def test_unknown_keys_cause_few_fetches(users: UserFactory, supabase: SupabaseStandIn) -> None:
    forged = replace(supabase, keys={f"forged-{number}": generate_key("ES256") for number in range(50)})
    before = supabase.fetches
    started = asyncio.get_running_loop().time()
    for kid in forged.keys:
        assert (await person(users, forged.token(kid)).get("/users/me")).status_code == 401
    elapsed = asyncio.get_running_loop().time() - started
    assert supabase.fetches - before <= elapsed / 0.2 + 1


async def test_what_cannot_be_fetched_keeps_the_keys(users: UserFactory, supabase: SupabaseStandIn) -> None:
    user = person(users, supabase.token())
    assert (await user.get("/users/me")).status_code == 200
    supabase.status = 500
    before = supabase.fetches
    unknown = replace(supabase, keys={"unknown": generate_key("ES256")})
    async with asyncio.timeout(TIMEOUT_S):
        while supabase.fetches == before:
            await person(users, unknown.token("unknown")).get("/users/me")
            await asyncio.sleep(0.05)
    assert (await person(users, supabase.token()).get("/users/me")).status_code == 200


async def test_the_program_starts_without_it(settings: Settings) -> None:
    issuer = ForeignIssuer.of_supabase("http://127.0.0.1:9", OutgoingHttp(timeout_s=0.5), creates_accounts=True)
    async with asyncio.timeout(TIMEOUT_S):
        await issuer.start()
    assert issuer.find("key-1") is None
    issuer.stop()


async def test_keys_of_another_kind_are_left_out(supabase: SupabaseStandIn, program: Application) -> None:
    assert program.auth.tokens.foreign_issuer is not None
    assert program.auth.tokens.foreign_issuer.find("secret") is None
    assert program.auth.tokens.foreign_issuer.find("key-1") is not None


async def test_storage_takes_it_too(users: UserFactory, supabase: SupabaseStandIn, client: httpx.AsyncClient) -> None:
    headers = {"authorization": f"Bearer {supabase.token()}"}
    assert (await client.get("/storage/v1/bucket", headers=headers)).json() == []
