"""Which handler an address and a method reach: a tree of path segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from monynha.core.errors import Fault, MethodNotAllowed, NotFound
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, refused

Handler = Callable[[Request], Awaitable[Response]]
Render = Callable[[Fault, Request, Sequence[str]], Response]


def in_envelope(fault: Fault, request: Request, stack: Sequence[str]) -> Response:
    """Tell an error in the API's own envelope."""
    return refused(fault, request.id, stack=stack)


@dataclass(frozen=True)
class Route:
    """A method and a path template, as `/projects/{id}/tasks`, and what answers them."""

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True)
class Area:
    """Routes below one prefix that tell their errors the same way."""

    prefix: str
    routes: tuple[Route, ...]
    render: Render = in_envelope


@dataclass
class _Node:
    words: dict[str, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    rest: str | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The handler that a request reached, and the parameters of its path."""

    handler: Handler
    params: dict[str, str]


class Router:
    """Finds the handler of a request; the errors of an area are told the area's way."""

    def __init__(self, areas: Iterable[Area]) -> None:
        self._root = _Node()
        self._areas = sorted(areas, key=lambda area: len(area.prefix), reverse=True)
        for area in self._areas:
            for route in area.routes:
                self._add(area.prefix + route.path, route)

    def find(self, method: str, path: str) -> Found:
        """Return the handler; NotFound for an unknown address, MethodNotAllowed for an unknown method."""
        params: dict[str, str] = {}
        node = self._root
        segments = path.split("/")
        for index, segment in enumerate(segments):
            known = node.words.get(segment)
            if known is not None:
                node = known
            elif node.parameter is not None and segment:
                name, node = node.parameter
                params[name] = segment
            elif node.rest is not None:
                params[node.rest] = "/".join(segments[index:])
                break
            else:
                raise NotFound("There is nothing at this address.")
        handler = node.handlers.get(method) or (node.handlers.get("GET") if method == "HEAD" else None)
        if handler is None:
            if not node.handlers:
                raise NotFound("There is nothing at this address.")
            raise MethodNotAllowed(_allowed(node))
        return Found(handler, params)

    def allowed(self, path: str) -> tuple[str, ...]:
        """Return the methods that an address takes, none where there is nothing."""
        try:
            self.find("", path)
        except MethodNotAllowed as fault:
            return fault.allowed
        except NotFound:
            pass
        return ()

    def render(self, path: str) -> Render:
        """Return how errors are told at this address."""
        for area in self._areas:
            if path.startswith(area.prefix):
                return area.render
        return in_envelope

    def _add(self, path: str, route: Route) -> None:
        node = self._root
        for segment in path.split("/"):
            if segment.startswith("{*"):
                node.rest = segment[2:-1]
            elif segment.startswith("{"):
                name = segment[1:-1]
                if node.parameter is None:
                    node.parameter = (name, _Node())
                assert node.parameter[0] == name, f"{path}: one place, two names"
                node = node.parameter[1]
            else:
                node = node.words.setdefault(segment, _Node())
        assert route.method not in node.handlers, f"{route.method} {path} is routed twice"
        node.handlers[route.method] = route.handler


def _allowed(node: _Node) -> tuple[str, ...]:
    methods = set(node.handlers) | ({"HEAD"} if "GET" in node.handlers else set())
    return tuple(sorted(methods | {"OPTIONS"}))
