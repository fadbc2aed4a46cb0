"""Who can read, change and delete posts: signed-in users read them, the author changes them."""

from __future__ import annotations

import pytest

from tests.project_team import StatusByVerb, rights_table, without_request_id
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

POSTS = """
                 list  read  create  update  delete
    anonymous     401   401     401     401     401
    other         200   200     201     403     403
    author        200   200     201     200     204
    system_admin  200   200     201     200     204
"""
ABSENT = "/posts/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("name", "expected"), rights_table(POSTS))
async def test_a_post_can_be_read_and_changed_by(users: UserFactory, name: str, expected: StatusByVerb) -> None:
    author = await users.create("Author")
    post = await author.create("/posts", {"title": "Hello", "content": "World"})
    actor = author if name == "author" else users.anonymous()
    if name in ("other", "system_admin"):
        actor = await users.create(is_admin=name == "system_admin")
    item_path = f"/posts/{post['id']}"

    actual = {
        "list": (await actor.get(f"/posts?userId={author.id}")).status_code,
        "read": (await actor.get(item_path)).status_code,
        "create": (await actor.post("/posts", {"title": "New", "content": ""})).status_code,
        "update": (await actor.put(item_path, {"title": "Changed"})).status_code,
        "delete": (await actor.delete(item_path)).status_code,
    }

    assert actual == expected


async def test_the_caller_becomes_the_author_of_a_post(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")

    post = await ada.create("/posts", {"title": "Hello", "content": "World"})
    forged = await ada.post("/posts", {"title": "Hello", "content": "World", "authorId": str(grace.id)})
    reassigned = await ada.put(f"/posts/{post['id']}", {"authorId": str(grace.id)})

    assert str(ada.id) == post["authorId"]
    assert (forged.status_code, reassigned.status_code) == (422, 422)
    assert forged.json()["error"]["details"] == {"authorId": "is read-only"}


async def test_posts_of_a_user_are_listed_below_the_user_and_by_filter(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    expected_ids = [(await ada.create("/posts", {"title": title, "content": ""}))["id"] for title in "abc"]
    await grace.create("/posts", {"title": "d", "content": ""})

    nested = await grace.get(f"/users/{ada.id}/posts")
    filtered = await grace.get(f"/posts?userId={ada.id}")
    own = await ada.get("/users/me/posts")

    assert expected_ids[::-1] == [post["id"] for post in nested.json()["data"]]
    assert nested.json()["data"] == filtered.json()["data"]
    assert nested.json()["data"] == own.json()["data"]


async def test_posts_of_a_missing_user_are_not_found(users: UserFactory) -> None:
    ada = await users.create("Ada")

    response = await ada.get("/users/00000000-0000-4000-8000-000000000000/posts")

    assert response.status_code == 404


async def test_posts_are_deleted_with_their_author(users: UserFactory) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    post = await ada.create("/posts", {"title": "Hello", "content": "World"})

    await ada.delete("/users/me")

    response = await grace.get(f"/posts/{post['id']}")
    assert response.status_code == 404
    assert without_request_id(await grace.get(ABSENT)) == without_request_id(response)
