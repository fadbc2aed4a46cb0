"""Lists: levels with folders, flat lists, orders, pages."""

from __future__ import annotations

from typing import Any

import pytest

from monynha.domains.storage.errors import InvalidRequestError
from monynha.domains.storage.listing import Cursor
from monynha.domains.storage.listing import _statement as listing_statement
from monynha.infra.postgres.database import Database
from tests.domains.storage.clients import StorageClient, wire_error
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

NAMES = ["a.txt", "b/1.txt", "b/2/x.txt", "b.txt", "c/1.txt", "c_d.txt", "cxd.txt", "d.TXT", "z/"]


@pytest.fixture
async def filled_bucket(service: StorageClient, bucket: str) -> str:
    """Return a bucket with objects, which were written in another order than that of their names."""
    for name in sorted(NAMES, key=lambda name: name[::-1]):
        await service.put_object(f"{bucket}/{name}")
    return bucket


async def list_names(service: StorageClient, bucket: str, **query: Any) -> list[str]:
    """Return the names of the first list; those of folders end with a slash."""
    entries = (await service.post(f"/object/list/{bucket}", {"prefix": "", **query})).json()
    return [entry["name"] + ("" if entry["id"] else "/") for entry in entries]


async def list_keys(service: StorageClient, bucket: str, **query: Any) -> list[str]:
    """Return the names of the second list, over all its pages."""
    keys: list[str] = []
    cursor = None
    while True:
        body = {"limit": 2, **query, **({"cursor": cursor} if cursor else {})}
        page = (await service.post(f"/object/list-v2/{bucket}", body)).json()
        keys += [entry["name"] for entry in (*page["folders"], *page["objects"])]
        if not page["hasNext"]:
            return keys
        cursor = page["nextCursor"]


async def test_level_shows_folders_and_their_siblings(service: StorageClient, filled_bucket: str) -> None:
    top = await list_names(service, filled_bucket)

    assert top == ["a.txt", "b.txt", "b/", "c/", "c_d.txt", "cxd.txt", "d.TXT", "z/"]
    assert await list_names(service, filled_bucket, sortBy={"column": "name", "order": "desc"}) == top[::-1]
    assert await list_names(service, filled_bucket, prefix="b") == ["1.txt", "2/"]
    assert await list_names(service, filled_bucket, prefix="/b/2/") == ["x.txt"]
    assert await list_names(service, filled_bucket, prefix="nothing") == []


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_of_a_level_are_the_whole_level(service: StorageClient, filled_bucket: str, order: str) -> None:
    sort_by = {"column": "name", "order": order}
    whole = await list_names(service, filled_bucket, sortBy=sort_by)

    pages = [
        await list_names(service, filled_bucket, limit=3, offset=offset, sortBy=sort_by) for offset in (0, 3, 6, 9)
    ]

    assert [len(page) for page in pages] == [3, 3, 2, 0]
    assert [name for page in pages for name in page] == whole


async def test_search_is_of_the_level_and_ignores_case(service: StorageClient, filled_bucket: str) -> None:
    assert await list_names(service, filled_bucket, search="TXT") == [
        "a.txt",
        "b.txt",
        "c_d.txt",
        "cxd.txt",
        "d.TXT",
    ]
    assert await list_names(service, filled_bucket, search="_") == ["c_d.txt"]
    assert await list_names(service, filled_bucket, search="%") == []


async def test_level_is_ordered_by_time_with_folders_first(service: StorageClient, filled_bucket: str) -> None:
    names = await list_names(service, filled_bucket, sortBy={"column": "created_at", "order": "desc"})
    written = [name for name in sorted(NAMES, key=lambda name: name[::-1]) if "/" not in name]

    assert {*names[:3]} == {"b/", "c/", "z/"}
    assert names[3:] == written[::-1]


async def test_flat_list_has_full_names(service: StorageClient, filled_bucket: str) -> None:
    assert await list_keys(service, filled_bucket) == sorted(NAMES)
    assert await list_keys(service, filled_bucket, prefix="c_") == ["c_d.txt"]
    assert await list_keys(service, filled_bucket, prefix="b/") == ["b/1.txt", "b/2/x.txt"]
    descending = {"column": "name", "order": "desc"}
    assert await list_keys(service, filled_bucket, sortBy=descending) == sorted(NAMES, reverse=True)


@pytest.mark.parametrize("column", ["created_at", "updated_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_flat_list_is_ordered_by_time(
    service: StorageClient, filled_bucket: str, column: str, order: str
) -> None:
    written = sorted(NAMES, key=lambda name: name[::-1])

    keys = await list_keys(service, filled_bucket, sortBy={"column": column, "order": order})

    assert keys == (written if order == "asc" else written[::-1])


@pytest.mark.parametrize("column", ["name", "created_at"])
@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_pages_with_folders_are_the_whole_level(
    service: StorageClient, filled_bucket: str, column: str, order: str
) -> None:
    sort_by = {"column": column, "order": order}

    keys = await list_keys(service, filled_bucket, with_delimiter=True, sortBy=sort_by)

    assert sorted(keys) == ["a.txt", "b.txt", "b/", "c/", "c_d.txt", "cxd.txt", "d.TXT", "z/"]


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 0},
        {"limit": 1001},
        {"sortBy": {"column": "version"}},
        {"sortBy": "name"},
        {"cursor": "!"},
        {"cursor": "W10="},
        {"prefix": "x" * 1025},
        {"prefix": 1},
        {"prefix": "\x00"},
        {"with_delimiter": "yes"},
        [],
    ],
)
async def test_wrong_query_is_refused(service: StorageClient, bucket: str, body: Any) -> None:
    response = await service.post(f"/object/list-v2/{bucket}", body)

    assert wire_error(response) == (400, "400", "InvalidRequest")


async def test_list_of_a_bucket_that_does_not_exist_is_empty(service: StorageClient) -> None:
    assert await list_names(service, "nowhere") == []


def test_cursor_is_opaque_and_survives() -> None:
    cursor = Cursor("a/b", "2026-11-27T00:00:00+00:00")

    assert Cursor.decode(cursor.encode()) == cursor
    for text in ("", "e30=", "WzEsMl0=", "\xff"):
        with pytest.raises(InvalidRequestError):
            Cursor.decode(text)


@pytest.mark.parametrize("value", ["", "9" * 5000, "9" * 18, "-1", "\u0663", "2026-13-45", "infinity", "now"])
@pytest.mark.parametrize("with_folders", [True, False])
async def test_cursor_of_another_list_is_refused(
    filled_bucket: str, service: StorageClient, value: str, with_folders: bool
) -> None:
    body = {
        "cursor": Cursor("a", value).encode(),
        "sortBy": {"column": "created_at"},
        "with_delimiter": with_folders,
    }

    response = await service.post(f"/object/list-v2/{filled_bucket}", body)

    assert wire_error(response)[2] == "InvalidRequest"


async def test_each_step_of_a_level_is_an_index_lookup_in_spite_of_the_policies(
    user: ApiUser, database: Database
) -> None:
    # Without other ways, since the planner reads a small table whole.
    statement = listing_statement("name", is_descending=False, with_folders=True)
    actor = user.actor
    async with database.as_actor(actor).transaction() as transaction:
        await transaction.execute("set local enable_seqscan = off")
        await transaction.execute("set local enable_bitmapscan = off")
        binds = (actor.claims, actor.id, actor.session_id, "plans", "", "", "", 100, 0)
        rows = await transaction.fetch_rows(f"explain (costs off) {statement}", *binds)

    conditions = [row[0].strip() for row in rows if "Index Cond" in row[0]]
    assert ['e."position"' in condition for condition in conditions] == [False, True]
