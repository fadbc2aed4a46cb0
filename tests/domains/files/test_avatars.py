"""Pictures of users are stored one by one, and deleted when nobody has them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monynha.app.composition.application import Application
from tests.infra.images.samples import photo, png
from tests.live_server import OwnerSql
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def _set_picture(
    user: ApiUser, content: bytes, *, id: str = "me", headers: Mapping[str, str] | None = None
) -> httpx.Response:
    return await user.request(
        "PUT", f"/users/{id}/avatar", files={"file": ("me.jpg", content, "image/jpeg")}, headers=headers
    )


async def _address(user: ApiUser) -> Any:
    return (await user.get("/users/me")).json()["data"]["avatarUrl"]


def _jpeg(width: int, height: int) -> bytes:
    return bytes(photo(width, height).jpegsave_buffer())


async def test_two_users_with_the_same_picture_do_not_share_it(
    user: ApiUser, users: UserFactory, client: httpx.AsyncClient
) -> None:
    other = await users.create("Grace")
    own = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]
    await _set_picture(other, png(40, 40))

    await other.delete("/users/me/avatar")

    assert (await client.get(own)).status_code == 200


async def test_the_picture_of_a_deleted_account_is_deleted_by_the_sweep(
    user: ApiUser, users: UserFactory, client: httpx.AsyncClient, program: Application, owner_sql: OwnerSql
) -> None:
    other = await users.create("Grace")
    kept = (await _set_picture(other, png(40, 40))).json()["data"]["avatarUrl"]
    address = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]
    await user.delete("/users/me")

    await program.files.avatars.sweep(datetime.now(UTC))
    while_recent = (await client.get(address)).status_code
    await program.files.avatars.sweep(datetime.now(UTC) + timedelta(hours=2))

    assert while_recent == 200
    assert [(await client.get(entry)).status_code for entry in (address, kept)] == [404, 200]
