"""Changes of tables as a channel receives them."""

from __future__ import annotations

import pytest

from tests.phoenix_client import phoenix_client, tasks_binding
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_change_contains_only_the_selected_columns(address: str, api_key: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding(select=["title"]))
        await user.create_task(project)
        change = await client.receive_change()

    assert {"id", "title"} == change["record"].keys() == {column["name"] for column in change["columns"]}


async def test_update_has_the_new_row_and_the_whole_old_row(address: str, api_key: str, user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, title="Old")
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding())
        await user.put(f"/tasks/{task['id']}", {"title": "New"})
        change = await client.receive_change()

    assert (change["schema"], change["table"], change["type"]) == ("public", "tasks", "UPDATE")
    assert change["commit_timestamp"].endswith("Z")
    assert (change["old_record"]["title"], change["record"]["title"]) == ("Old", "New")
    assert change["old_record"].keys() == change["record"].keys()
    types = {column["name"]: column["type"] for column in change["columns"]}
    assert types.items() >= {"id": "uuid", "title": "varchar", "tags": "_text", "created_at": "timestamptz"}.items()


async def test_each_change_names_all_bindings_that_it_matches(address: str, api_key: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        bindings = [tasks_binding(), tasks_binding(filter="title=eq.Write"), tasks_binding(filter="title=eq.Other")]
        reply = await client.join("a", user.token, *bindings)
        await user.create_task(project, title="Write")
        change = await client.receive_change()

    first, second, _ = (binding["id"] for binding in reply["postgres_changes"])
    assert change["ids"] == [first, second]


async def test_changes_keep_their_order_while_a_pattern_is_matched(address: str, api_key: str, user: ApiUser) -> None:
    project = await user.create_project()
    async with phoenix_client(address, api_key) as client:
        await client.join("a", user.token, tasks_binding(filter="title=match.^A"), tasks_binding(filter="title=eq.B"))
        titles = ["A1", "B", "A2", "B"]
        for title in titles:
            await user.create_task(project, title=title)
        received = [(await client.receive_change())["record"]["title"] for _ in titles]

    assert received == titles
