"""Presence: members of a room see who is there, who comes and who leaves, in every process."""

from __future__ import annotations

import pytest

from monynha.protocols.phoenix.presence import Presence, PresenceState
from tests.phoenix_client import phoenix_client
from tests.users import ApiUser

pytestmark = pytest.mark.anyio


async def test_presence_reports_state_joins_and_leaves(address: str, api_key: str, user: ApiUser) -> None:
    async with phoenix_client(address, api_key) as first:
        await first.join("room", user.token, presence={"key": "ada", "enabled": True})
        initial_state = await first.receive("presence_state")
        await first.push("room", "presence", {"type": "presence", "event": "track", "payload": {"at": 1}})
        track_diff = await first.receive("presence_diff")
        async with phoenix_client(address, api_key) as second:
            await second.join("room", api_key, presence={"key": "bob"})
            state = await second.receive("presence_state")
            await second.push("room", "presence", {"type": "presence", "event": "TRACK", "payload": {}})
            join_diff = await first.receive("presence_diff")
        leave_diff = await first.receive("presence_diff")
        ref = await first.push("room", "presence", {"type": "presence", "event": "track", "payload": [1]})
        while (error := await first.receive("phx_reply"))["ref"] != ref:
            pass

    assert initial_state["payload"] == {}
    assert [meta["at"] for meta in track_diff["payload"]["joins"]["ada"]["metas"]] == [1]
    assert list(state["payload"]) == ["ada"]
    assert (list(join_diff["payload"]["joins"]), list(join_diff["payload"]["leaves"])) == (["bob"], [])
    assert (list(leave_diff["payload"]["joins"]), list(leave_diff["payload"]["leaves"])) == ([], ["bob"])
    assert error["payload"]["status"] == "error"


class Watcher:
    """A watcher that records who came and who left."""

    def __init__(self) -> None:
        self.diffs: list[tuple[list[str], list[str]]] = []

    def on_presence_diff(self, room: str, joins: PresenceState, leaves: PresenceState) -> None:
        self.diffs.append((list(joins), list(leaves)))


def linked_processes() -> tuple[Presence, Presence]:
    """Return the presence of two processes, each of which receives what either publishes."""
    processes: list[Presence] = []

    def publish(message: bytes) -> None:
        for process in processes:
            process.on_published(message)

    processes += [Presence(publish), Presence(publish)]
    return processes[0], processes[1]


def test_process_that_begins_to_watch_learns_who_is_there_already() -> None:
    here, there = linked_processes()
    here.watch("room", Watcher())
    here.track("room", "ref", "ada", {"at": 1})
    watcher = Watcher()

    there.watch("room", watcher)

    assert watcher.diffs == [(["ada"], [])]
    state = there.watch("room", watcher)
    assert [meta["at"] for meta in state["ada"]["metas"]] == [1]


def test_changes_in_another_process_reach_watchers_once() -> None:
    here, there = linked_processes()
    watcher = Watcher()
    there.watch("room", watcher)

    here.track("room", "ref", "ada", {"at": 1})
    here.track("room", "ref", "ada", {"at": 1})
    here.track("room", "ref", "ada", {"at": 2})
    here.untrack("room", "ref")
    here.untrack("room", "ref")

    assert watcher.diffs == [(["ada"], []), (["ada"], ["ada"]), ([], ["ada"])]


def test_key_can_be_present_several_times() -> None:
    presence, _ = linked_processes()
    presence.watch("room", Watcher())

    presence.track("room", "first", "ada", {"device": "phone"})
    presence.track("room", "second", "ada", {"device": "desk"})
    presence.untrack("room", "first")

    state = presence.watch("room", Watcher())
    assert [meta["device"] for meta in state["ada"]["metas"]] == ["desk"]


def test_watcher_who_left_receives_nothing() -> None:
    presence, _ = linked_processes()
    watcher = Watcher()
    presence.watch("room", watcher)
    presence.unwatch("room", watcher)

    presence.track("room", "ref", "ada", {})

    assert watcher.diffs == []
