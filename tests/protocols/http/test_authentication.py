"""Access tokens: missing, malformed, expired, forged or revoked ones are a 401."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.core.actor import system_actor
from monynha.core.settings.settings import Settings
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


def base64url(value: object) -> str:
    """Return a segment of a JWT: bytes, or the JSON of a value."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign_token(claims: object, secret: str, head: object = None, algorithm: str = "sha256") -> str:
    """Return a JWT that is signed with HMAC."""
    signing_input = f"{base64url(head or {'alg': 'HS256', 'typ': 'JWT'})}.{base64url(claims)}"
    return f"{signing_input}.{base64url(hmac.new(secret.encode(), signing_input.encode(), algorithm).digest())}"


def issuer_of(token: str) -> str:
    """Return the `iss` of a token."""
    payload = token.split(".")[1]
    issuer: str = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["iss"]
    return issuer


def valid_claims(user: ApiUser, **changed: Any) -> dict[str, Any]:
    """Return the claims of a user with changes; None removes a claim."""
    claims = {
        "iss": issuer_of(user.token),
        "sub": str(user.id),
        "session_id": str(user.session_id),
        "role": "authenticated",
        "aud": "authenticated",
        "exp": int(time.time()) + 60,
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


async def request_profile(client: httpx.AsyncClient, authorization: str | bytes) -> httpx.Response:
    """Request the own profile."""
    request_headers: dict[str, Any] = {"authorization": authorization}
    return await client.get("/api/v1/users/me", headers=request_headers)


def is_unauthenticated(response: httpx.Response) -> bool:
    """Whether a response is a 401 in the envelope without further details."""
    error = response.json()["error"]
    return (
        (response.status_code, error["code"]) == (401, "UNAUTHENTICATED")
        and response.headers["www-authenticate"] == "Bearer"
        and error.keys() == {"code", "message", "requestId"}
    )


async def test_valid_token_is_accepted(user: ApiUser, client: httpx.AsyncClient, settings: Settings) -> None:
    valid_token = sign_token(valid_claims(user), settings.jwt_secret)

    for header in (
        f"Bearer {valid_token}",
        f"bearer {valid_token}",
        f"BEARER   {valid_token}",
        f"Bearer {valid_token} ",
    ):
        assert (await request_profile(client, header)).status_code == 200


async def test_token_without_session_is_valid_while_its_user_exists(
    users: UserFactory, client: httpx.AsyncClient, settings: Settings
) -> None:
    user = await users.create()
    sessionless_token = sign_token(valid_claims(user, session_id=None), settings.jwt_secret)
    await users.end_session(user)

    before = await request_profile(client, f"Bearer {sessionless_token}")
    await client.delete("/api/v1/users/me", headers={"authorization": f"Bearer {sessionless_token}"})

    assert before.status_code == 200
    assert is_unauthenticated(await request_profile(client, f"Bearer {sessionless_token}"))


NOT_BEARER_TOKENS = ["", "Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Token x", "Bearer \xff", "x" * 10_000]
NOT_JWTS = ["Bearer x", "Bearer a.b", "Bearer a.b.c", "Bearer ..", "Bearer a.b.c.d", "Bearer null"]


@pytest.mark.parametrize("header", [*NOT_BEARER_TOKENS, *NOT_JWTS], ids=lambda header: ascii(header[:20]))
async def test_malformed_token_is_rejected(client: httpx.AsyncClient, header: str) -> None:
    assert is_unauthenticated(await request_profile(client, header.encode("latin-1")))


INVALID_CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "expired long ago": {"exp": 0},
    "no exp": {"exp": None},
    "exp is a word": {"exp": "never"},
    "exp is true": {"exp": True},
    "exp is a list": {"exp": [99999999999]},
    "exp is negative": {"exp": -1},
    "not yet": {"nbf": int(time.time()) + 3600},
    "no issuer": {"iss": None},
    "other issuer": {"iss": "https://b.example/auth/v1"},
    "subject is not a uuid": {"sub": "ada"},
    "subject is a number": {"sub": 7},
    "subject is empty": {"sub": ""},
    "subject does not exist": {"sub": str(uuid4())},
    "other audience": {"aud": "somebody-else"},
    "audience is a number": {"aud": 7},
    "no role": {"role": None},
    "role of the owner": {"role": "monynha_owner"},
    "role of the system": {"role": "system"},
    "session is not a uuid": {"session_id": "x"},
    "session does not exist": {"session_id": str(uuid4())},
    "session is a list": {"session_id": ["x"]},
    "contains a NUL": {"user_metadata": {"a": "\x00"}},
}


@pytest.mark.parametrize("changed", INVALID_CLAIMS.values(), ids=INVALID_CLAIMS.keys())
async def test_signed_token_with_invalid_claims_is_rejected(
    user: ApiUser, client: httpx.AsyncClient, settings: Settings, changed: dict[str, Any]
) -> None:
    assert is_unauthenticated(
        await request_profile(client, f"Bearer {sign_token(valid_claims(user, **changed), settings.jwt_secret)}")
    )


async def test_session_of_another_user_is_rejected(
    user: ApiUser, users: UserFactory, client: httpx.AsyncClient, settings: Settings
) -> None:
    other_user = await users.create("Other")

    mixed_token = sign_token(valid_claims(user, session_id=str(other_user.session_id)), settings.jwt_secret)

    assert is_unauthenticated(await request_profile(client, f"Bearer {mixed_token}"))


async def test_forged_token_is_rejected(user: ApiUser, client: httpx.AsyncClient, settings: Settings) -> None:
    claims, secret = valid_claims(user), settings.jwt_secret
    valid_token = sign_token(claims, secret)
    head, body, signature = valid_token.split(".")
    none_header = base64url({"alg": "none", "typ": "JWT"})
    forged_tokens = [
        sign_token(claims, "another secret that is long enough"),
        sign_token(claims, ""),
        f"{none_header}.{body}.",
        f"{none_header}.{body}.{signature}",
        f"{base64url({'alg': 'NONE'})}.{body}.",
        f"{head}.{body}.",
        f"{head}.{base64url({**claims, 'role': 'service_role'})}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.{hashlib.sha256(body.encode()).hexdigest()}",
        sign_token(claims, secret, {"alg": "HS512", "typ": "JWT"}, "sha512"),
        sign_token(claims, secret, {"alg": "HS256", "crit": ["b64"], "b64": False}),
        sign_token(claims, secret, {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
        sign_token(claims, secret, {"alg": ["HS256"]}),
        sign_token(claims, secret, [1]),
        sign_token([1, 2], secret),
        sign_token("x", secret),
        sign_token(None, secret),
        sign_token(b"\xff\xfe", secret),
        sign_token(b"{" * 5000, secret),
        sign_token({**claims, "padding": "x" * 9000}, secret),
    ]

    for forged_token in forged_tokens:
        assert is_unauthenticated(await request_profile(client, f"Bearer {forged_token}")), forged_token[:80]
    assert (await request_profile(client, f"Bearer {valid_token}")).status_code == 200


@pytest.mark.parametrize("reason", ["signed out", "banned", "soft-deleted", "session ended"])
async def test_locked_out_user_is_rejected_immediately(
    users: UserFactory, client: httpx.AsyncClient, reason: str
) -> None:
    user = await users.create()
    before = await request_profile(client, f"Bearer {user.token}")
    statement = {
        "signed out": "delete from auth.sessions where user_id = $1",
        "banned": "update auth.users set banned_until = now() + interval '1 hour' where id = $1",
        "soft-deleted": "update auth.users set deleted_at = now() where id = $1",
        "session ended": "update auth.sessions set not_after = now() - interval '1 s' where user_id = $1",
    }[reason]
    async with users.database.as_actor(system_actor("auth")).transaction() as transaction:
        await transaction.execute(statement, user.id)

    responses = [
        await request_profile(client, f"Bearer {user.token}"),
        await user.post("/projects", {"name": "x"}),
        await user.post("/posts", {"title": "x", "content": ""}),
        await user.put("/users/me", {"name": "x"}),
        await user.delete("/users/me"),
    ]

    assert before.status_code == 200
    assert all(map(is_unauthenticated, responses))


async def test_database_connection_works_after_a_rejected_write(users: UserFactory, user: ApiUser) -> None:
    signed_out = await users.create()
    await users.end_session(signed_out)

    for _ in range(15):  # more often than there are connections
        assert is_unauthenticated(await signed_out.put("/users/me", {"name": "x"}))
        assert (await user.put("/users/me", {"name": "Ada"})).status_code == 200


@pytest.mark.parametrize(
    "path", ["/users", "/posts", "/projects", "/tasks", "/users/me", "/tasks/no-uuid", "/tasks?limit=0"]
)
async def test_anonymous_request_is_rejected(client: httpx.AsyncClient, settings: Settings, path: str) -> None:
    anon_key = sign_token({"role": "anon", "iss": "monynha", "exp": int(time.time()) + 60}, settings.jwt_secret)

    assert is_unauthenticated(await client.get(f"/api/v1{path}"))
    assert is_unauthenticated(await client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {anon_key}"}))
    assert is_unauthenticated(await client.get(f"/api/v1{path}", headers={"cookie": "token=x", "apikey": anon_key}))


async def test_service_key_has_the_rights_of_an_owner(
    user: ApiUser, client: httpx.AsyncClient, settings: Settings
) -> None:
    project = await user.create_project()
    key = sign_token({"role": "service_role", "exp": int(time.time()) + 60}, settings.jwt_secret)
    headers = {"authorization": f"Bearer {key}"}
    path = f"/api/v1/projects/{project['id']}"

    read = await client.get(f"{path}?include=owner", headers=headers)
    changed = await client.put(path, headers=headers, json={"name": "By the service"})
    task = await client.post(f"{path}/tasks", headers=headers, json={"title": "By the service"})
    me = await client.get("/api/v1/users/me", headers=headers)
    created = await client.post("/api/v1/projects", headers=headers, json={"name": "x"})
    deleted = await client.delete(path, headers=headers)

    assert user.email == read.json()["data"]["owner"]["email"]
    assert (changed.status_code, task.status_code, deleted.status_code) == (200, 201, 204)
    assert (me.status_code, created.status_code) == (404, 403)
