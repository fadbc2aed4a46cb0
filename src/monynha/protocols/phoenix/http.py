"""Broadcasts by HTTP, for clients that have no socket open: `/realtime/v1/api/broadcast`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import orjson

from monynha.core.actor import Actor
from monynha.core.errors import AppError, BadRequestError, UnauthenticatedError
from monynha.core.serialization import parse_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, json_response
from monynha.protocols.http.router import Route, RouteGroup
from monynha.protocols.phoenix.context import PhoenixContext
from monynha.protocols.phoenix.tokens import JoinRefusedError, authenticate_token
from monynha.protocols.phoenix.topics import (
    can_use_private_topic,
    encode_binary_broadcast,
    encode_json_broadcast,
    topic_room,
)

PREFIX = "/realtime/v1"
_MAX_MESSAGES = 100


@dataclass(frozen=True)
class BroadcastEndpoints:
    """The two endpoints that publish broadcasts in the rooms of topics."""

    context: PhoenixContext

    def route_group(self) -> RouteGroup:
        """Return their routes."""
        routes = (
            Route("POST", "/api/broadcast", self.broadcast_batch),
            Route("POST", "/api/broadcast/{topic}/events/{event}", self.broadcast_single),
        )
        return RouteGroup(PREFIX, routes, _render_error)

    async def broadcast_batch(self, request: Request) -> Response:
        """Publish several broadcasts; those to private topics that the caller may not use are dropped."""
        actor = self._authenticate(request)
        body = parse_json(await request.body())
        messages = body.get("messages") if isinstance(body, dict) else None
        if not isinstance(messages, list) or not 1 <= len(messages) <= _MAX_MESSAGES:
            return json_response({"errors": {"messages": ["is invalid"]}}, status=422)
        errors = [_message_errors(message) for message in messages]
        if any(errors):
            return json_response({"errors": {"messages": errors}}, status=422)
        for message in messages:
            topic, is_private = message["topic"], message.get("private") is True
            if not is_private or await can_use_private_topic(self.context, actor, topic):
                broadcast = encode_json_broadcast(message["event"], message.get("payload", {}))
                self.context.broadcaster.publish(topic_room(topic, is_private=is_private), broadcast)
        return Response(202)

    async def broadcast_single(self, request: Request) -> Response:
        """Publish one broadcast, whose payload is the body: JSON or bytes."""
        actor = self._authenticate(request)
        topic, event = request.path_params["topic"], request.path_params["event"]
        content_type = (request.header(b"content-type") or "").partition(";")[0].strip().lower()
        is_private = request.query_params.get("private") == "true"
        if is_private and not await can_use_private_topic(self.context, actor, topic):
            return json_response({"message": "Forbidden"}, status=403)
        body = await request.body()
        if content_type == "application/json":
            broadcast = encode_json_broadcast(event, parse_json(body) if body else {})
        elif content_type == "application/octet-stream":
            broadcast = encode_binary_broadcast(event, body)
        else:
            error = "Unsupported Media Type. Use application/json or application/octet-stream."
            return json_response({"error": error}, status=415)
        self.context.broadcaster.publish(topic_room(topic, is_private=is_private), broadcast)
        return Response(202)

    def _authenticate(self, request: Request) -> Actor:
        header = request.header(b"authorization") or ""
        token = re.sub(r"(?i)^bearer\s+", "", header).strip() or request.header(b"apikey") or ""
        try:
            actor = authenticate_token(self.context.verify_token, token)
        except JoinRefusedError:
            raise UnauthenticatedError("Unauthorized") from None
        actor.require_write_scope()
        return actor


def _message_errors(message: object) -> dict[str, list[str]]:
    if not isinstance(message, dict):
        return {"message": ["is invalid"]}
    errors = {
        name: ["can't be blank"]
        for name in ("topic", "event")
        if not isinstance(message.get(name), str) or not message[name].strip()
    }
    if not isinstance(message.get("payload", {}), dict):
        errors["payload"] = ["is invalid"]
    return errors


def _render_error(error: AppError, request: Request, stack: object) -> Response:
    body = orjson.dumps({"message": error.message})
    status = 422 if isinstance(error, BadRequestError) else error.status
    return Response(status, body, ((b"content-type", b"application/json"),))
