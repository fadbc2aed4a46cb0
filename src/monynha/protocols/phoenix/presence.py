"""Presence: who is in a room. Each process publishes its own entries and drops those of a process that is silent."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from secrets import token_hex
from typing import Protocol

import orjson

Publish = Callable[[bytes], None]
Meta = dict[str, object]
"""What somebody shows of themselves, with `phx_ref`, which is new whenever it changes."""
PresenceState = dict[str, dict[str, list[Meta]]]
"""The metas by presence key, as clients expect them: `{key: {"metas": […]}}`."""
_HEARTBEAT_INTERVAL_S = 2.0
_PROCESS_TIMEOUT_S = 7.0


class PresenceWatcher(Protocol):
    """A member of rooms who sees the presence in them. Its method returns at once."""

    def on_presence_diff(self, room: str, joins: PresenceState, leaves: PresenceState) -> None:
        """Receive who came and who left."""


@dataclass(frozen=True)
class _Entry:
    process_id: str
    key: str
    meta: Meta


class Presence:
    """The entries of every room that somebody in this process watches, by the reference of their channel.

    Processes exchange JSON objects through `publish`; `type` is request, put, remove or heartbeat.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._process_id = token_hex(8)
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._watchers: dict[str, dict[PresenceWatcher, None]] = {}
        self._last_seen: dict[str, float] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to send heartbeats to the other processes."""
        self._heartbeat = asyncio.get_running_loop().create_task(self._send_heartbeats())

    def close(self) -> None:
        """Stop the heartbeats; the other processes drop our entries after a while."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    def watch(self, room: str, watcher: PresenceWatcher) -> PresenceState:
        """Let the watcher receive diffs of the room; return who is there now."""
        is_unknown = room not in self._watchers and room not in self._entries
        self._watchers.setdefault(room, {})[watcher] = None
        if is_unknown:
            self._send("request", room)
        return _presence_state(self._entries.get(room, {}))

    def unwatch(self, room: str, watcher: PresenceWatcher) -> None:
        """Send the watcher no more diffs of the room."""
        watchers = self._watchers.get(room, {})
        watchers.pop(watcher, None)
        if not watchers:
            self._watchers.pop(room, None)
            entries = self._entries.get(room, {}).values()
            if not any(entry.process_id == self._process_id for entry in entries):
                self._entries.pop(room, None)

    def track(self, room: str, ref: str, key: str, payload: Mapping[str, object]) -> None:
        """Add an entry of this process to a room, or change what it shows; an equal payload changes nothing."""
        former = self._entries.get(room, {}).get(ref)
        if former is not None and {**former.meta, "phx_ref": None} == {"phx_ref": None, **payload}:
            return
        entry = _Entry(self._process_id, key, {"phx_ref": token_hex(8), **payload})
        self._put(room, ref, entry)
        self._send("put", room, ref=ref, key=key, meta=entry.meta)

    def untrack(self, room: str, ref: str) -> None:
        """Remove an entry of this process from a room."""
        if self._remove(room, ref):
            self._send("remove", room, ref=ref)

    def on_published(self, published: bytes) -> None:
        """Apply what another process published."""
        message = orjson.loads(published)
        process_id = message["process"]
        if process_id == self._process_id:
            return
        self._last_seen[process_id] = time.monotonic()
        room = message.get("room", "")
        if message["type"] == "request":
            for ref, entry in self._entries.get(room, {}).items():
                if entry.process_id == self._process_id:
                    self._send("put", room, ref=ref, key=entry.key, meta=entry.meta)
        elif room in self._watchers or room in self._entries:
            if message["type"] == "put":
                self._put(room, message["ref"], _Entry(process_id, message["key"], message["meta"]))
            elif message["type"] == "remove":
                self._remove(room, message["ref"])

    def _put(self, room: str, ref: str, entry: _Entry) -> None:
        entries = self._entries.setdefault(room, {})
        former = entries.get(ref)
        if former is not None and former.meta["phx_ref"] == entry.meta["phx_ref"]:
            return
        entries[ref] = entry
        leaves = {} if former is None else _presence_state({ref: former})
        self._notify_watchers(room, _presence_state({ref: entry}), leaves)

    def _remove(self, room: str, ref: str) -> bool:
        entries = self._entries.get(room, {})
        former = entries.pop(ref, None)
        if former is None:
            return False
        if not entries and room not in self._watchers:
            self._entries.pop(room, None)
        self._notify_watchers(room, {}, _presence_state({ref: former}))
        return True

    def _notify_watchers(self, room: str, joins: PresenceState, leaves: PresenceState) -> None:
        for watcher in list(self._watchers.get(room, ())):
            watcher.on_presence_diff(room, joins, leaves)

    def _send(self, message_type: str, room: str = "", **fields: object) -> None:
        self._publish(orjson.dumps({"process": self._process_id, "type": message_type, "room": room, **fields}))

    async def _send_heartbeats(self) -> None:
        while True:
            self._send("heartbeat")
            await asyncio.sleep(_HEARTBEAT_INTERVAL_S)
            oldest = time.monotonic() - _PROCESS_TIMEOUT_S
            for process_id in [id for id, seen_at in self._last_seen.items() if seen_at < oldest]:
                del self._last_seen[process_id]
                self._remove_process(process_id)

    def _remove_process(self, process_id: str) -> None:
        for room, entries in list(self._entries.items()):
            for ref in [ref for ref, entry in entries.items() if entry.process_id == process_id]:
                self._remove(room, ref)


def _presence_state(entries: Mapping[str, _Entry]) -> PresenceState:
    state: PresenceState = {}
    for entry in entries.values():
        state.setdefault(entry.key, {"metas": []})["metas"].append(entry.meta)
    return state
