"""Users have pictures: square, public, at an address that never changes its content."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
import pyvips

from tests.infra.images.samples import photo, png, png_bomb
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


async def test_a_picture_is_cut_to_a_square_and_everybody_can_read_it(user: ApiUser, client: httpx.AsyncClient) -> None:
    response = await _set_picture(user, _jpeg(900, 700))

    profile = response.json()["data"]
    assert (response.status_code, profile["id"]) == (200, str(user.id))
    assert re.fullmatch(r"/api/v1/avatars/[0-9a-f]{32}", profile["avatarUrl"])
    picture = await client.get(profile["avatarUrl"])
    image = pyvips.Image.new_from_buffer(picture.content, "")
    assert (picture.status_code, image.width, image.height) == (200, 512, 512)
    assert picture.headers["content-type"] == "image/webp"
    assert picture.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert picture.headers["x-content-type-options"] == "nosniff"


async def test_a_picture_that_is_there_already_is_not_sent_again(user: ApiUser, client: httpx.AsyncClient) -> None:
    address = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]
    first = await client.get(address)

    second = await client.get(address, headers={"if-none-match": first.headers["etag"]})

    assert (second.status_code, second.content) == (304, b"")


async def test_others_see_the_picture(user: ApiUser, users: UserFactory) -> None:
    await _set_picture(user, png(40, 40))
    other = await users.create("Grace")

    seen = (await other.get(f"/users/{user.id}")).json()["data"]["avatarUrl"]

    assert seen == await _address(user)


async def test_a_new_picture_has_another_address_and_the_former_is_gone(
    user: ApiUser, client: httpx.AsyncClient
) -> None:
    former = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]

    current = (await _set_picture(user, _jpeg(60, 60))).json()["data"]["avatarUrl"]

    assert former != current
    assert [(await client.get(address)).status_code for address in (former, current)] == [404, 200]


async def test_the_same_picture_again_keeps_its_address(user: ApiUser, client: httpx.AsyncClient) -> None:
    addresses = [(await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"] for _ in range(2)]

    assert addresses[0] == addresses[1]
    assert (await client.get(addresses[0])).status_code == 200


async def test_a_deleted_picture_is_gone(user: ApiUser, client: httpx.AsyncClient) -> None:
    address = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]

    response = await user.delete("/users/me/avatar")

    assert (response.status_code, await _address(user)) == (204, None)
    assert (await client.get(address)).status_code == 404


async def test_the_address_can_be_sent_back_with_the_profile(user: ApiUser) -> None:
    address = (await _set_picture(user, png(40, 40))).json()["data"]["avatarUrl"]

    response = await user.put("/users/me", {"name": "Ada", "avatarUrl": address})

    assert (response.status_code, await _address(user)) == (200, address)


@pytest.mark.parametrize(
    "address", ["/api/v1/avatars/x", "/etc/passwd", "//evil.example/x", "/api/v1/avatars/" + "a" * 32 + "?x=1"]
)
async def test_another_path_is_no_picture(user: ApiUser, address: str) -> None:
    response = await user.put("/users/me", {"avatarUrl": address})

    assert (response.status_code, response.json()["error"]["details"]) == (
        422,
        {"avatarUrl": "must be an http or https URL"},
    )


async def test_nobody_but_system_admins_sets_the_picture_of_another_user(user: ApiUser, users: UserFactory) -> None:
    other, admin = await users.create("Grace"), await users.create("Root", is_admin=True)

    by_other = await _set_picture(other, png(9, 9), id=str(user.id))
    by_nobody = await _set_picture(users.anonymous(), png(9, 9))
    deletion = await other.delete(f"/users/{user.id}/avatar")
    unchanged = await _address(user)
    by_admin = await _set_picture(admin, png(9, 9), id=str(user.id))

    assert [response.status_code for response in (by_other, by_nobody, deletion)] == [403, 401, 403]
    assert (unchanged, by_admin.status_code) == (None, 200)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"no image", "The file is not an image that can be read."),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "The file is not an image that can be read."),
        (png_bomb(30_000, 30_000), "The image has 900 megapixels; at most 100 are processed."),
    ],
)
async def test_what_is_no_picture_is_refused_and_changes_nothing(user: ApiUser, content: bytes, problem: str) -> None:
    response = await _set_picture(user, content)

    assert (response.status_code, response.json()["error"]["details"]) == (422, {"file": problem})
    assert await _address(user) is None


async def test_a_picture_of_more_than_20_mb_is_refused(user: ApiUser) -> None:
    response = await _set_picture(user, bytes(20 * 1024 * 1024 + 1))

    assert (response.status_code, response.json()["error"]["message"]) == (413, "A picture may have at most 20 MB.")


@pytest.mark.parametrize("hash", ["0" * 32, "x", "..%2f..%2fsecrets", "A" * 32])
async def test_an_unknown_picture_is_not_found(client: httpx.AsyncClient, hash: str) -> None:
    assert (await client.get(f"/api/v1/avatars/{hash}")).status_code == 404
