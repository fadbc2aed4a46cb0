"""Who is in a room: each process tells the others of its own, and forgets those of a silent process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_hex
from typing import Any, Protocol

import orjson

Publish = Callable[[bytes], None]
Meta = dict[str, Any]
_HEARTBEAT_INTERVAL_S = 2.0
_PROCESS_TIMEOUT_S = 7.0


class PresenceWatcher(Protocol):
    """Somebody who is told who comes and goes."""

    def on_presence_diff(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        """Take who came and who left."""


@dataclass(frozen=True)
class _Entry:
    process_id: str
    key: str
    meta: Meta


class Presence:
    """The people of every room that somebody of this process watches."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._process_id = token_hex(8)
        self._entries: dict[str, dict[str, _Entry]] = {}
        self._watchers: dict[str, dict[PresenceWatcher, None]] = {}
        self._last_seen: dict[str, float] = {}
        self._heartbeat: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tell the other processes that we are there, from now on."""
        self._heartbeat = asyncio.get_running_loop().create_task(self._send_heartbeats())

    def close(self) -> None:
        """Say no more; the others notice."""
        if self._heartbeat is not None:
            self._heartbeat.cancel()

    def watch(self, room: str, watcher: PresenceWatcher) -> dict[str, Any]:
        """Be told who comes and goes; return who is there."""
        if room not in self._watchers and room not in self._entries:
            self._publish_message("ask", room)
        self._watchers.setdefault(room, {})[watcher] = None
        return _presence_state(self._entries.get(room, {}))

    def unwatch(self, room: str, watcher: PresenceWatcher) -> None:
        """Be told no more."""
        watchers = self._watchers.get(room, {})
        watchers.pop(watcher, None)
        if not watchers:
            self._watchers.pop(room, None)
            if not any(one.process_id == self._process_id for one in self._entries.get(room, {}).values()):
                self._entries.pop(room, None)

    def track(self, room: str, ref: str, key: str, payload: dict[str, Any]) -> None:
        """Put somebody of ours into a room, or change what they show; the same again is nothing new."""
        former = self._entries.get(room, {}).get(ref)
        if former is not None and {k: v for k, v in former.meta.items() if k != "phx_ref"} == payload:
            return
        entry = _Entry(self._process_id, key, {"phx_ref": token_hex(8), **payload})
        self._add(room, ref, entry)
        self._publish_message("put", room, place=ref, key=key, meta=entry.meta)

    def untrack(self, room: str, ref: str) -> None:
        """Take somebody of ours out of a room."""
        if self._remove(room, ref):
            self._publish_message("take", room, place=ref)

    def on_published(self, published: bytes) -> None:
        """Take what another process published."""
        message = orjson.loads(published)
        process_id = message["process"]
        if process_id == self._process_id:
            return
        self._last_seen[process_id] = time.monotonic()
        room = message.get("room", "")
        if message["what"] == "ask":
            for ref, entry in self._entries.get(room, {}).items():
                if entry.process_id == self._process_id:
                    self._publish_message("put", room, place=ref, key=entry.key, meta=entry.meta)
        elif room in self._watchers or room in self._entries:
            if message["what"] == "put":
                self._add(room, message["place"], _Entry(process_id, message["key"], message["meta"]))
            elif message["what"] == "take":
                self._remove(room, message["place"])

    def _add(self, room: str, ref: str, entry: _Entry) -> None:
        entries = self._entries.setdefault(room, {})
        former = entries.get(ref)
        if former is not None and former.meta["phx_ref"] == entry.meta["phx_ref"]:
            return
        entries[ref] = entry
        self._notify_watchers(
            room, _presence_state({ref: entry}), {} if former is None else _presence_state({ref: former})
        )

    def _remove(self, room: str, ref: str) -> bool:
        entries = self._entries.get(room, {})
        former = entries.pop(ref, None)
        if former is None:
            return False
        if not entries and room not in self._watchers:
            self._entries.pop(room, None)
        self._notify_watchers(room, {}, _presence_state({ref: former}))
        return True

    def _notify_watchers(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        for watcher in list(self._watchers.get(room, ())):
            watcher.on_presence_diff(room, joins, leaves)

    def _publish_message(self, message_type: str, room: str = "", **fields: Any) -> None:
        self._publish(orjson.dumps({"process": self._process_id, "what": message_type, "room": room, **fields}))

    async def _send_heartbeats(self) -> None:
        while True:
            self._publish_message("beat")
            await asyncio.sleep(_HEARTBEAT_INTERVAL_S)
            now = time.monotonic()
            for process_id in [one for one, at in self._last_seen.items() if now - at > _PROCESS_TIMEOUT_S]:
                del self._last_seen[process_id]
                self._remove_process(process_id)

    def _remove_process(self, process_id: str) -> None:
        for room, entries in list(self._entries.items()):
            for ref in [name for name, one in entries.items() if one.process_id == process_id]:
                self._remove(room, ref)


def _presence_state(entries: dict[str, _Entry]) -> dict[str, Any]:
    state: dict[str, Any] = {}
    for entry in entries.values():
        state.setdefault(entry.key, {"metas": []})["metas"].append(entry.meta)
    return state
