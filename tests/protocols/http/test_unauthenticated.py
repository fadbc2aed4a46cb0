"""401: no token, or one that is malformed, expired, forged, revoked."""

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

from monynha.core.actor import system
from monynha.core.settings import Settings
from tests.people import People, Person

pytestmark = pytest.mark.anyio


def encoded(value: object) -> str:
    """Return a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def token(claims: object, secret: str, head: object = None, algorithm: str = "sha256") -> str:
    """Return a signed token."""
    told = f"{encoded(head or {'alg': 'HS256', 'typ': 'JWT'})}.{encoded(claims)}"
    return f"{told}.{encoded(hmac.new(secret.encode(), told.encode(), algorithm).digest())}"


def claims_of(person: Person, **changed: Any) -> dict[str, Any]:
    """Return good claims for a person, but for what is changed; None leaves one out."""
    claims = {
        "sub": str(person.id),
        "session_id": str(person.session_id),
        "role": "authenticated",
        "aud": "authenticated",
        "exp": int(time.time()) + 60,
        **changed,
    }
    return {name: value for name, value in claims.items() if value is not None}


async def ask(client: httpx.AsyncClient, authorization: str | bytes) -> httpx.Response:
    """Ask who one is."""
    sent: dict[str, Any] = {"authorization": authorization}
    return await client.get("/api/v1/users/me", headers=sent)


def refused(answer: httpx.Response) -> bool:
    """Whether it is the envelope of a 401, and no more."""
    error = answer.json()["error"]
    return (
        (401, "UNAUTHENTICATED") == (answer.status_code, error["code"])
        and "Bearer" == answer.headers["www-authenticate"]
        and {"code", "message", "requestId"} == error.keys()
    )


async def test_a_good_token_is_taken(ada: Person, client: httpx.AsyncClient, settings: Settings) -> None:
    good = token(claims_of(ada), settings.jwt_secret)

    for header in (f"Bearer {good}", f"bearer {good}", f"BEARER   {good}", f"Bearer {good} "):
        assert 200 == (await ask(client, header)).status_code


async def test_a_token_without_a_session_holds_while_its_subject_exists(
    people: People, client: httpx.AsyncClient, settings: Settings
) -> None:
    ada = await people.new()
    lasting = token(claims_of(ada, session_id=None), settings.jwt_secret)
    await people.end_session(ada)

    before = await ask(client, f"Bearer {lasting}")
    await client.delete("/api/v1/users/me", headers={"authorization": f"Bearer {lasting}"})

    assert 200 == before.status_code
    assert refused(await ask(client, f"Bearer {lasting}"))


NO_TOKENS = ["", "Bearer", "Bearer ", "Basic YWRhOmFkYQ==", "Token x", "Bearer \xff", "x" * 10_000]
NO_JWTS = ["Bearer x", "Bearer a.b", "Bearer a.b.c", "Bearer ..", "Bearer a.b.c.d", "Bearer null"]


@pytest.mark.parametrize("header", [*NO_TOKENS, *NO_JWTS], ids=lambda header: ascii(header[:20]))
async def test_what_is_no_token_is_refused(client: httpx.AsyncClient, header: str) -> None:
    assert refused(await ask(client, header.encode("latin-1")))


CLAIMS: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 1},
    "expired long ago": {"exp": 0},
    "no end": {"exp": None},
    "end is a word": {"exp": "never"},
    "end is true": {"exp": True},
    "end is a list": {"exp": [99999999999]},
    "end is negative": {"exp": -1},
    "not yet": {"nbf": int(time.time()) + 3600},
    "subject is no uuid": {"sub": "ada"},
    "subject is a number": {"sub": 7},
    "subject is empty": {"sub": ""},
    "subject is nobody": {"sub": str(uuid4())},
    "other audience": {"aud": "somebody-else"},
    "audience is a number": {"aud": 7},
    "no role": {"role": None},
    "role of the owner": {"role": "monynha_owner"},
    "role of the system": {"role": "system"},
    "session is no uuid": {"session_id": "x"},
    "session is nobody's": {"session_id": str(uuid4())},
    "session is a list": {"session_id": ["x"]},
    "holds a NUL": {"user_metadata": {"a": "\x00"}},
}


@pytest.mark.parametrize("changed", CLAIMS.values(), ids=CLAIMS.keys())
async def test_a_signed_token_with_wrong_claims_is_refused(
    ada: Person, client: httpx.AsyncClient, settings: Settings, changed: dict[str, Any]
) -> None:
    assert refused(await ask(client, f"Bearer {token(claims_of(ada, **changed), settings.jwt_secret)}"))


async def test_somebody_elses_session_does_not_help(
    ada: Person, people: People, client: httpx.AsyncClient, settings: Settings
) -> None:
    grace = await people.new("Grace")

    mixed = token(claims_of(ada, session_id=str(grace.session_id)), settings.jwt_secret)

    assert refused(await ask(client, f"Bearer {mixed}"))


async def test_a_forged_token_is_refused(ada: Person, client: httpx.AsyncClient, settings: Settings) -> None:
    claims, secret = claims_of(ada), settings.jwt_secret
    good = token(claims, secret)
    head, body, signature = good.split(".")
    none = encoded({"alg": "none", "typ": "JWT"})
    forged = [
        token(claims, "another secret that is long enough"),
        token(claims, ""),
        f"{none}.{body}.",
        f"{none}.{body}.{signature}",
        f"{encoded({'alg': 'NONE'})}.{body}.",
        f"{head}.{body}.",
        f"{head}.{encoded({**claims, 'role': 'service_role'})}.{signature}",
        f"{head}.{body}.{signature[:-2]}",
        f"{head}.{body}.{hashlib.sha256(body.encode()).hexdigest()}",
        token(claims, secret, {"alg": "HS512", "typ": "JWT"}, "sha512"),
        token(claims, secret, {"alg": "HS256", "crit": ["b64"], "b64": False}),
        token(claims, secret, {"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}}),
        token(claims, secret, {"alg": ["HS256"]}),
        token(claims, secret, [1]),
        token([1, 2], secret),
        token("x", secret),
        token(None, secret),
        token(b"\xff\xfe", secret),
        token(b"{" * 5000, secret),
        token({**claims, "padding": "x" * 9000}, secret),
    ]

    for one in forged:
        assert refused(await ask(client, f"Bearer {one}")), one[:80]
    assert 200 == (await ask(client, f"Bearer {good}")).status_code


@pytest.mark.parametrize("how", ["signed out", "banned", "deleted softly", "session ended"])
async def test_who_is_shut_out_is_refused_at_once(
    people: People, client: httpx.AsyncClient, how: str
) -> None:
    ada = await people.new()
    before = await ask(client, f"Bearer {ada.token}")
    statement = {
        "signed out": "delete from auth.sessions where user_id = $1",
        "banned": "update auth.users set banned_until = now() + interval '1 hour' where id = $1",
        "deleted softly": "update auth.users set deleted_at = now() where id = $1",
        "session ended": "update auth.sessions set not_after = now() - interval '1 s' where user_id = $1",
    }[how]
    async with people.database.acting(system("auth")).transaction() as transaction:
        await transaction.run(statement, ada.id)

    answers = [
        await ask(client, f"Bearer {ada.token}"),
        await ada.post("/projects", {"name": "x"}),
        await ada.post("/posts", {"title": "x", "content": ""}),
        await ada.put("/users/me", {"name": "x"}),
        await ada.delete("/users/me"),
    ]

    assert 200 == before.status_code
    assert all(map(refused, answers))


async def test_after_a_refused_write_the_connection_serves_the_next(people: People, ada: Person) -> None:
    gone = await people.new()
    await people.end_session(gone)

    for _ in range(15):  # more than there are connections
        assert refused(await gone.put("/users/me", {"name": "x"}))
        assert 200 == (await ada.put("/users/me", {"name": "Ada"})).status_code


@pytest.mark.parametrize(
    "path", ["/users", "/posts", "/projects", "/tasks", "/users/me", "/tasks/no-uuid", "/tasks?limit=0"]
)
async def test_without_a_token_nothing_is_told(
    client: httpx.AsyncClient, settings: Settings, path: str
) -> None:
    anon = token({"role": "anon", "iss": "monynha", "exp": int(time.time()) + 60}, settings.jwt_secret)

    assert refused(await client.get(f"/api/v1{path}"))
    assert refused(await client.get(f"/api/v1{path}", headers={"authorization": f"Bearer {anon}"}))
    assert refused(await client.get(f"/api/v1{path}", headers={"cookie": "token=x", "apikey": anon}))


async def test_the_service_key_does_what_an_owner_may(
    ada: Person, client: httpx.AsyncClient, settings: Settings
) -> None:
    project = await ada.project()
    key = token({"role": "service_role", "exp": int(time.time()) + 60}, settings.jwt_secret)
    headers = {"authorization": f"Bearer {key}"}
    path = f"/api/v1/projects/{project['id']}"

    read = await client.get(f"{path}?include=owner", headers=headers)
    changed = await client.put(path, headers=headers, json={"name": "By the service"})
    task = await client.post(f"{path}/tasks", headers=headers, json={"title": "By the service"})
    me = await client.get("/api/v1/users/me", headers=headers)
    own = await client.post("/api/v1/projects", headers=headers, json={"name": "x"})
    gone = await client.delete(path, headers=headers)

    assert ada.email == read.json()["data"]["owner"]["email"]
    assert (200, 201, 204) == (changed.status_code, task.status_code, gone.status_code)
    assert (404, 403) == (me.status_code, own.status_code)
