"""Signed URLs: what their tokens allow, and whose rights they carry when they are used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import UnauthenticatedError
from monynha.core.settings.settings import Settings
from monynha.domains.auth.tokens.access_tokens import AccessTokens
from monynha.domains.storage.errors import StorageError
from monynha.domains.storage.signed_urls import UrlSigner
from tests.domains.storage.clients import StorageClient, wire_error
from tests.project_team import ProjectTeam
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ClientOf = Callable[[ApiUser], StorageClient]
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
USER = Actor(ActorKind.USER, uuid4(), uuid4())
SERVICE = Actor(ActorKind.SERVICE)


def signer(secret: str = "s" * 32, now: datetime = NOW) -> UrlSigner:
    """Return a signer at a time."""
    return UrlSigner(secret, lambda: now)


def error_of(call: Callable[[], Any]) -> tuple[str, str]:
    """Return code and message of the error that a call raises."""
    with pytest.raises(StorageError) as error:
        call()
    return error.value.code, error.value.message


@pytest.mark.parametrize("actor", [USER, SERVICE, ANONYMOUS])
def test_token_names_its_signer(actor: Actor) -> None:
    token = signer().sign_download(actor, "bucket/a.txt", 60, transformations="width=1")

    signed = signer().verify(token, "download", "bucket/a.txt")

    assert (signed.actor.kind, signed.actor.id, signed.actor.session_id) == (actor.kind, actor.id, actor.session_id)
    assert (signed.expires_at, signed.transformations) == (int(NOW.timestamp()) + 60, "width=1")


def test_token_is_for_its_scope_object_and_time() -> None:
    download = signer().sign_download(USER, "bucket/a.txt", 60)
    upload = signer().sign_upload(USER, "bucket/a.txt", is_upsert=True)

    assert signer().verify(upload, "upload", "bucket/a.txt").is_upsert is True
    assert error_of(lambda: signer().verify(download, "upload"))[0] == "InvalidSignature"
    assert error_of(lambda: signer().verify(upload, "download")) == (
        "InvalidSignature",
        "Token is not scoped for download",
    )
    assert error_of(lambda: signer().verify(download, "download", "bucket/b.txt"))[0] == "InvalidSignature"
    later = signer(now=NOW + timedelta(seconds=60))
    assert error_of(lambda: later.verify(download, "download")) == (
        "InvalidJWT",
        '"exp" claim timestamp check failed',
    )


@pytest.mark.parametrize("token", ["", "a.b.c", "a.b", "é.b.c", "x" * 9000])
def test_forged_token_is_refused(token: str) -> None:
    assert error_of(lambda: signer().verify(token, "download"))[0] == "InvalidJWT"


def test_token_of_another_key_is_refused() -> None:
    token = signer("other" * 8).sign_download(USER, "bucket/a.txt", 60)

    assert error_of(lambda: signer().verify(token, "download"))[0] == "InvalidJWT"


async def test_no_signed_url_is_an_access_token_nor_the_other_way_round(settings: Settings, user: ApiUser) -> None:
    own_signer = UrlSigner(settings.jwt_secret, lambda: datetime.now(UTC))
    tokens = AccessTokens(settings.jwt_secret, issuer=f"{settings.site_url}/auth/v1", ttl_s=60)

    for actor in (user.actor, SERVICE):
        with pytest.raises(UnauthenticatedError):
            tokens.verify(own_signer.sign_download(actor, "bucket/a.txt", 60))
    assert error_of(lambda: own_signer.verify(user.token, "download"))[0] == "InvalidJWT"


async def signed_link(client: StorageClient, path: str) -> str:
    """Return the path and query of a signed URL below /storage/v1."""
    response = await client.post(f"/object/sign/{path}", {"expiresIn": 3600})
    assert response.status_code == 200, response.text
    return str(response.json()["signedURL"])


async def test_link_ends_with_the_rights_of_its_signer(
    team: ProjectTeam, users: UserFactory, storage_client: ClientOf, anonymous: StorageClient
) -> None:
    path = f"project-files/{team.project['id']}/{team.owner.id}/a.txt"
    await storage_client(team.owner).put_object(path, b"secret")
    removed, signed_out, banned, stays = [await team.actor("member") for _ in range(4)]
    links = [await signed_link(storage_client(user), path) for user in (removed, signed_out, banned, stays)]
    before = [(await anonymous.get(link)).status_code for link in links]

    await team.owner.delete(f"{team.path}/members/{removed.id}")
    await users.end_session(signed_out)
    await users.ban(banned)

    assert before == [200] * 4
    assert wire_error(await anonymous.get(links[0])) == (400, "404", "NoSuchKey")
    assert wire_error(await anonymous.get(links[1])) == (400, "403", "AccessDenied")
    assert wire_error(await anonymous.get(links[2])) == (400, "403", "AccessDenied")
    assert (await anonymous.get(links[3])).content == b"secret"


async def test_upload_link_ends_with_the_rights_of_its_signer(
    team: ProjectTeam, storage_client: ClientOf, anonymous: StorageClient
) -> None:
    member = await team.actor("member")
    path = f"project-files/{team.project['id']}/{member.id}/a.txt"
    answer = await storage_client(member).post(f"/object/upload/sign/{path}")
    url = answer.json()["url"]

    await team.owner.delete(f"{team.path}/members/{member.id}")
    response = await anonymous.request("PUT", url, content=b"x", headers={"content-type": "text/plain"})

    assert wire_error(response) == (400, "403", "AccessDenied")
    assert parse_qs(urlsplit(url).query)["token"] == [answer.json()["token"]]
