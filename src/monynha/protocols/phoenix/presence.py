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
_BEAT_S = 2.0
_SILENT_S = 7.0


class Watcher(Protocol):
    """Somebody who is told who comes and goes."""

    def see(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        """Take who came and who left."""


@dataclass(frozen=True)
class _There:
    process: str
    key: str
    meta: Meta


class Presence:
    """The people of every room that somebody of this process watches."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._me = token_hex(8)
        self._rooms: dict[str, dict[str, _There]] = {}
        self._watchers: dict[str, dict[Watcher, None]] = {}
        self._heard: dict[str, float] = {}
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Tell the other processes that we are there, from now on."""
        self._beating = asyncio.get_running_loop().create_task(self._beat())

    def close(self) -> None:
        """Say no more; the others notice."""
        if self._beating is not None:
            self._beating.cancel()

    def watch(self, room: str, watcher: Watcher) -> dict[str, Any]:
        """Be told who comes and goes; return who is there."""
        if room not in self._watchers and room not in self._rooms:
            self._tell("ask", room)
        self._watchers.setdefault(room, {})[watcher] = None
        return _listed(self._rooms.get(room, {}))

    def unwatch(self, room: str, watcher: Watcher) -> None:
        """Be told no more."""
        watchers = self._watchers.get(room, {})
        watchers.pop(watcher, None)
        if not watchers:
            self._watchers.pop(room, None)
            if not any(one.process == self._me for one in self._rooms.get(room, {}).values()):
                self._rooms.pop(room, None)

    def track(self, room: str, place: str, key: str, payload: dict[str, Any]) -> None:
        """Put somebody of ours into a room, or change what they show; the same again is nothing new."""
        was = self._rooms.get(room, {}).get(place)
        if was is not None and {k: v for k, v in was.meta.items() if k != "phx_ref"} == payload:
            return
        there = _There(self._me, key, {"phx_ref": token_hex(8), **payload})
        self._put(room, place, there)
        self._tell("put", room, place=place, key=key, meta=there.meta)

    def untrack(self, room: str, place: str) -> None:
        """Take somebody of ours out of a room."""
        if self._take(room, place):
            self._tell("take", room, place=place)

    def hear(self, published: bytes) -> None:
        """Take what another process published."""
        said = orjson.loads(published)
        who = said["process"]
        if who == self._me:
            return
        self._heard[who] = time.monotonic()
        room = said.get("room", "")
        if said["what"] == "ask":
            for place, one in self._rooms.get(room, {}).items():
                if one.process == self._me:
                    self._tell("put", room, place=place, key=one.key, meta=one.meta)
        elif room in self._watchers or room in self._rooms:
            if said["what"] == "put":
                self._put(room, said["place"], _There(who, said["key"], said["meta"]))
            elif said["what"] == "take":
                self._take(room, said["place"])

    def _put(self, room: str, place: str, there: _There) -> None:
        places = self._rooms.setdefault(room, {})
        was = places.get(place)
        if was is not None and was.meta["phx_ref"] == there.meta["phx_ref"]:
            return
        places[place] = there
        self._show(room, _listed({place: there}), {} if was is None else _listed({place: was}))

    def _take(self, room: str, place: str) -> bool:
        places = self._rooms.get(room, {})
        was = places.pop(place, None)
        if was is None:
            return False
        if not places and room not in self._watchers:
            self._rooms.pop(room, None)
        self._show(room, {}, _listed({place: was}))
        return True

    def _show(self, room: str, joins: dict[str, Any], leaves: dict[str, Any]) -> None:
        for watcher in list(self._watchers.get(room, ())):
            watcher.see(room, joins, leaves)

    def _tell(self, what: str, room: str = "", **rest: Any) -> None:
        self._publish(orjson.dumps({"process": self._me, "what": what, "room": room, **rest}))

    async def _beat(self) -> None:
        while True:
            self._tell("beat")
            await asyncio.sleep(_BEAT_S)
            now = time.monotonic()
            for who in [one for one, at in self._heard.items() if now - at > _SILENT_S]:
                del self._heard[who]
                self._bury(who)

    def _bury(self, process: str) -> None:
        for room, places in list(self._rooms.items()):
            for place in [name for name, one in places.items() if one.process == process]:
                self._take(room, place)


def _listed(places: dict[str, _There]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in places.values():
        found.setdefault(one.key, {"metas": []})["metas"].append(one.meta)
    return found
