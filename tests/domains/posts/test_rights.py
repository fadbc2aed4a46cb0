"""Who may do what with posts: everybody signed in reads them, their author writes them."""

from __future__ import annotations

import pytest

from tests.casts import Cells, table, without_request
from tests.people import People

pytestmark = pytest.mark.anyio

POSTS = """
                 list  read  create  update  delete
    anonymous     401   401     401     401     401
    other         200   200     201     403     403
    author        200   200     201     200     204
    system_admin  200   200     201     200     204
"""
ABSENT = "/posts/00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize(("name", "expected"), table(POSTS))
async def test_posts_are_for(people: People, name: str, expected: Cells) -> None:
    author = await people.new("Author")
    post = await author.made("/posts", {"title": "Hello", "content": "World"})
    actor = author if name == "author" else people.nobody()
    if name in ("other", "system_admin"):
        actor = await people.new(is_admin=name == "system_admin")
    item = f"/posts/{post['id']}"

    actual = {
        "list": (await actor.get(f"/posts?userId={author.id}")).status_code,
        "read": (await actor.get(item)).status_code,
        "create": (await actor.post("/posts", {"title": "New", "content": ""})).status_code,
        "update": (await actor.put(item, {"title": "Changed"})).status_code,
        "delete": (await actor.delete(item)).status_code,
    }

    assert expected == actual


async def test_the_author_of_a_post_is_who_writes_it(people: People) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")

    post = await ada.made("/posts", {"title": "Hello", "content": "World"})
    forged = await ada.post("/posts", {"title": "Hello", "content": "World", "authorId": str(grace.id)})
    given_away = await ada.put(f"/posts/{post['id']}", {"authorId": str(grace.id)})

    assert str(ada.id) == post["authorId"]
    assert (422, 422) == (forged.status_code, given_away.status_code)
    assert {"authorId": "is read-only"} == forged.json()["error"]["details"]


async def test_the_posts_of_somebody_have_two_addresses(people: People) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")
    mine = [(await ada.made("/posts", {"title": title, "content": ""}))["id"] for title in "abc"]
    await grace.made("/posts", {"title": "d", "content": ""})

    below = await grace.get(f"/users/{ada.id}/posts")
    filtered = await grace.get(f"/posts?userId={ada.id}")
    own = await ada.get("/users/me/posts")

    assert mine[::-1] == [one["id"] for one in below.json()["data"]]
    assert below.json()["data"] == filtered.json()["data"]
    assert below.json()["data"] == own.json()["data"]


async def test_the_posts_of_nobody_are_not_found(people: People) -> None:
    ada = await people.new("Ada")

    answer = await ada.get("/users/00000000-0000-4000-8000-000000000000/posts")

    assert 404 == answer.status_code


async def test_posts_go_with_their_author(people: People) -> None:
    ada, grace = await people.new("Ada"), await people.new("Grace")
    post = await ada.made("/posts", {"title": "Hello", "content": "World"})

    await ada.delete("/users/me")

    gone = await grace.get(f"/posts/{post['id']}")
    assert 404 == gone.status_code
    assert without_request(await grace.get(ABSENT)) == without_request(gone)
