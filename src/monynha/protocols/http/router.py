"""Routing: path and method to handler, through a tree of path segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from monynha.core.errors import AppError, MethodNotAllowedError, NotFoundError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, error_response

Handler = Callable[[Request], Awaitable[Response]]
ErrorRenderer = Callable[[AppError, Request, Sequence[str]], Response]
"""Renders an error, with its stack in development."""


def render_error_envelope(error: AppError, request: Request, stack: Sequence[str]) -> Response:
    """Render an error in the API's envelope."""
    return error_response(error, request.id, stack=stack)


@dataclass(frozen=True)
class Route:
    """A method and a path template, and the handler of both.

    `/projects/{id}/tasks` has the parameter `id`; `/files/{*path}` takes all that remains of the path.
    """

    method: str
    path: str
    handler: Handler


@dataclass(frozen=True)
class RouteGroup:
    """Routes below one prefix, whose errors are rendered alike."""

    prefix: str
    routes: tuple[Route, ...]
    error_renderer: ErrorRenderer = render_error_envelope


@dataclass
class _Node:
    static_children: dict[str, _Node] = field(default_factory=dict)
    param_child: tuple[str, _Node] | None = None
    catch_all_child: tuple[str, _Node] | None = None
    handlers: dict[str, Handler] = field(default_factory=dict)


@dataclass(frozen=True)
class RouteMatch:
    """The handler of a request, and the parameters in its path."""

    handler: Handler
    path_params: dict[str, str]


class Router:
    """Finds the handler of a request, and how errors are rendered at its path."""

    def __init__(self, groups: Iterable[RouteGroup]) -> None:
        self._root = _Node()
        self._groups = sorted(groups, key=lambda group: len(group.prefix), reverse=True)
        for group in self._groups:
            for route in group.routes:
                self._add(group.prefix + route.path, route)

    def match(self, method: str, path: str) -> RouteMatch:
        """Return the handler; raise NotFoundError for an unknown path, MethodNotAllowedError for a method.

        A static segment precedes a parameter. GET handlers serve HEAD too.
        """
        path_params: dict[str, str] = {}
        node = self._root
        segments = path.split("/")
        for index, segment in enumerate(segments):
            child = node.static_children.get(segment)
            if child is not None:
                node = child
            elif node.param_child is not None and segment:
                name, node = node.param_child
                path_params[name] = segment
            elif node.catch_all_child is not None:
                name, node = node.catch_all_child
                path_params[name] = "/".join(segments[index:])
                break
            else:
                raise NotFoundError("This path does not exist.")
        handler = node.handlers.get(method) or (node.handlers.get("GET") if method == "HEAD" else None)
        if handler is None:
            if not node.handlers:
                raise NotFoundError("This path does not exist.")
            raise MethodNotAllowedError(_methods_of(node))
        return RouteMatch(handler, path_params)

    def allowed_methods(self, path: str) -> tuple[str, ...]:
        """Return the methods of a path, empty for an unknown path."""
        try:
            self.match("", path)
        except MethodNotAllowedError as error:
            return error.allowed
        except NotFoundError:
            pass
        return ()

    def match_options(self, path: str) -> RouteMatch | None:
        """Return the handler of OPTIONS, for a path that has one of its own."""
        try:
            return self.match("OPTIONS", path)
        except (MethodNotAllowedError, NotFoundError):
            return None

    def error_renderer_for(self, path: str) -> ErrorRenderer:
        """Return how errors are rendered at a path, known or not: that of the longest matching prefix."""
        for group in self._groups:
            if path.startswith(group.prefix):
                return group.error_renderer
        return render_error_envelope

    def _add(self, path: str, route: Route) -> None:
        node = self._root
        for segment in path.split("/"):
            if segment.startswith("{*"):
                if node.catch_all_child is None:
                    node.catch_all_child = (segment[2:-1], _Node())
                node = node.catch_all_child[1]
            elif segment.startswith("{"):
                name = segment[1:-1]
                if node.param_child is None:
                    node.param_child = (name, _Node())
                if node.param_child[0] != name:
                    raise ValueError(f"{path}: {name} is also called {node.param_child[0]}")
                node = node.param_child[1]
            else:
                node = node.static_children.setdefault(segment, _Node())
        if route.method in node.handlers:
            raise ValueError(f"{route.method} {path} has two handlers")
        node.handlers[route.method] = route.handler


def _methods_of(node: _Node) -> tuple[str, ...]:
    methods = set(node.handlers) | ({"HEAD"} if "GET" in node.handlers else set())
    return tuple(sorted(methods | {"OPTIONS"}))
