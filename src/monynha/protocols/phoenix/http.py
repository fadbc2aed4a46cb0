"""Broadcasts by HTTP, for who has no socket open."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import BadRequest, Fault, Unauthenticated
from monynha.core.wire import parse_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Area, Route
from monynha.protocols.phoenix.channel import Parts
from monynha.protocols.phoenix.rooms import may_use, raw_said, room_of, said
from monynha.protocols.phoenix.tokens import Refused, verified

PREFIX = "/realtime/v1"
_MOST_MESSAGES = 100


@dataclass(frozen=True)
class Broadcasts:
    """The two addresses that say something in rooms."""

    parts: Parts

    def area(self) -> Area:
        """Return them."""
        routes = (
            Route("POST", "/api/broadcast", self.batch),
            Route("POST", "/api/broadcast/{topic}/events/{event}", self.one),
        )
        return Area(PREFIX, routes, _told)

    async def batch(self, request: Request) -> Response:
        """Say several things; those in private rooms that the asker may not use are dropped."""
        actor = self._actor(request)
        body = parse_json(await request.body())
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not 1 <= len(messages) <= _MOST_MESSAGES:
            return json_response({"errors": {"messages": ["is invalid"]}}, status=422)
        problems = [_problems(one) for one in messages]
        if any(problems):
            return json_response({"errors": {"messages": problems}}, status=422)
        for one in messages:
            topic, is_private = one["topic"], one.get("private") is True
            if not is_private or await may_use(self.parts, actor, topic):
                told = said(one["event"], one.get("payload", {}))
                self.parts.rooms.say(room_of(topic, is_private=is_private), told)
        return Response(202)

    async def one(self, request: Request) -> Response:
        """Say one thing, whose payload is the body."""
        actor = self._actor(request)
        topic, event = request.params["topic"], request.params["event"]
        kind = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        is_private = request.query.get("private") == "true"
        if is_private and not await may_use(self.parts, actor, topic):
            return json_response({"message": "Forbidden"}, status=403)
        body = await request.body()
        if kind == "application/json":
            told = said(event, parse_json(body) if body else {})
        elif kind == "application/octet-stream":
            told = raw_said(event, body)
        else:
            text = "Unsupported Media Type. Use application/json or application/octet-stream."
            return json_response({"error": text}, status=415)
        self.parts.rooms.say(room_of(topic, is_private=is_private), told)
        return Response(202)

    def _actor(self, request: Request) -> Actor:
        header = request.header(b"authorization") or ""
        token = re.sub(r"(?i)^bearer\s+", "", header).strip() or request.header(b"apikey") or ""
        try:
            return verified(self.parts.verify, token)[0]
        except Refused:
            raise Unauthenticated("Unauthorized") from None


def _problems(message: Any) -> dict[str, list[str]]:
    if not isinstance(message, dict):
        return {"message": ["is invalid"]}
    problems = {
        name: ["can't be blank"]
        for name in ("topic", "event")
        if not isinstance(message.get(name), str) or not message[name].strip()
    }
    if not isinstance(message.get("payload", {}), dict):
        problems["payload"] = ["is invalid"]
    return problems


def _told(fault: Fault, request: Request, stack: Any) -> Response:
    body = orjson.dumps({"message": fault.message})
    status = 422 if isinstance(fault, BadRequest) else fault.status
    return Response(status, body, ((b"content-type", b"application/json"),))
