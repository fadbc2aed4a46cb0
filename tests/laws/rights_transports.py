"""Send the requests of the rights matrix over REST and GraphQL, and return each response as an HTTP status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from monynha.app.catalog import CATALOG
from monynha.core.errors import AppError
from monynha.domains.invitations.http import ACTION_DOCS as INVITATION_ACTION_DOCS
from monynha.domains.jobs.http import ACTION_DOCS as JOB_ACTION_DOCS
from monynha.domains.notifications.http import ACTION_DOCS
from monynha.domains.people.http import ACTION_DOCS as PEOPLE_ACTION_DOCS
from monynha.engine.schema.resource import Resource
from tests.laws.rights_rows import RightsRow, RightsScene
from tests.protocols.graphql.requests import execute

_SUCCESS_STATUS = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


def _statuses(kind: type[AppError]) -> dict[str, int]:
    statuses = {kind.code: kind.status}
    for subclass in kind.__subclasses__():
        statuses |= _statuses(subclass)
    return statuses


_STATUS_BY_CODE = _statuses(AppError)
_ROW_ACTIONS = {
    (doc.method, doc.path): doc
    for doc in (*JOB_ACTION_DOCS, *PEOPLE_ACTION_DOCS, *INVITATION_ACTION_DOCS)
    if doc.method == "POST"
}
_SESSION_ACTIONS = {"the caller's others": "endOtherSessions", "all of the caller": "endAllSessions"}
_BY_TOKEN = {"acceptInvitation", "declineInvitation"}


@dataclass(frozen=True)
class RightsRequest:
    """The request of a row in a scene: the path of the target and the body."""

    row: RightsRow
    path: str
    body: dict[str, Any] | None

    @classmethod
    async def build(cls, row: RightsRow, scene: RightsScene) -> RightsRequest:
        """Create the target and build the request."""
        body = dict(row.body) if row.body is not None else None
        if row.path == "/projects/{id}/members" and body is not None and "email" not in body:
            body["userId"] = str((await scene.team.users.create("New")).id)
        if body is not None and "email" in body:
            body["email"] = f"{uuid4().hex}@example.com"
        return cls(row, await row.locate(scene), body)


async def send_by_rest(request: RightsRequest, scene: RightsScene) -> int:
    """Send the request over REST and return its status."""
    options = {"json": request.body} if request.row.form is None else {"files": request.row.form}
    return (await scene.actor.request(request.row.method, request.path, **options)).status_code


async def send_by_graphql(request: RightsRequest, scene: RightsScene) -> int:
    """Send the request over GraphQL and return the status that REST has for the same result.

    A row that is not visible is null, a list below it is empty: both are 404 in REST.
    """
    field = root_field_of(request.row)
    document, ids = field.document, _segments(request.path)[1::2]
    variables: dict[str, object] = {} if field.is_bulk_action else dict(zip(field.id_arguments, ids, strict=True))
    if request.body is not None:
        variables["input"] = request.body
    body = (await execute(scene.actor, document, variables)).json()
    if body.get("errors"):
        return _STATUS_BY_CODE[body["errors"][0]["extensions"]["code"]]
    value = body["data"][field.name]
    is_hidden = value is None or (value == [] and field.is_nested_list)
    return 404 if is_hidden else field.success_status or _SUCCESS_STATUS[request.row.method]


@dataclass(frozen=True)
class RootField:
    """The GraphQL root field of a row, and its arguments."""

    name: str
    id_arguments: tuple[str, ...]
    operation: str
    input_type: str | None = None
    is_nested_list: bool = False
    is_bulk_action: bool = False
    is_scalar: bool = False
    """Whether it returns no row."""
    success_status: int | None = None
    """What REST answers for the same; None for what its method implies."""

    @property
    def document(self) -> str:
        """The document that selects it."""
        arguments = dict.fromkeys(self.id_arguments, "ID!") | (
            {"input": f"{self.input_type}!"} if self.input_type else {}
        )
        declared = ", ".join(f"${name}: {type_}" for name, type_ in arguments.items())
        passed = ", ".join(f"{name}: ${name}" for name in arguments)
        operation = f"{self.operation}({declared})" if arguments else self.operation
        is_scalar = self.is_scalar or self.is_bulk_action or self.name.startswith("delete")
        selection = "" if is_scalar else " { __typename }"
        return f"{operation} {{ {self.name}{f'({passed})' if arguments else ''}{selection} }}"


def root_field_of(row: RightsRow) -> RootField:
    """Return the GraphQL root field for a row."""
    action = next((doc.operation_id for doc in ACTION_DOCS if (doc.method, doc.path) == (row.method, row.path)), None)
    if action is not None:
        return RootField(action, (), "mutation", is_bulk_action=True, success_status=200)
    if (row.method, row.path) == ("DELETE", "/sessions"):
        return RootField(_SESSION_ACTIONS[row.target], (), "mutation", is_bulk_action=True)
    segments = _segments(row.path)
    row_action = _ROW_ACTIONS.get((row.method, row.path))
    if row_action is not None:
        name = row_action.operation_id
        argument = "token" if name in _BY_TOKEN else "id"
        is_scalar = row_action.status == 204
        return RootField(name, (argument,), "mutation", is_scalar=is_scalar, success_status=row_action.status)
    resource = CATALOG.resources[segments[-1] if len(segments) % 2 else segments[-2]]
    parent = CATALOG.resources[segments[0]] if len(segments) > 2 else None
    ids: tuple[str, ...] = () if parent is None else (f"{parent.singular}Id",)
    if len(segments) % 2 == 0:
        ids += ("id" if parent is None else segments[-1][1:-1],)
    type_name = _type_name(resource)
    if row.method == "GET":
        field = resource.singular if len(segments) % 2 == 0 else resource.plural
        return RootField(field, ids, "query", is_nested_list=len(segments) == 3)
    verb = _VERBS[row.method]
    input_type = None if verb == "delete" else f"{verb.capitalize()}{type_name}Input"
    return RootField(f"{verb}{type_name}", ids, "mutation", input_type)


def _segments(path: str) -> list[str]:
    """Return the parts of a path that name resources and rows."""
    return path.strip("/").removeprefix("admin/").split("/")


def _type_name(resource: Resource) -> str:
    return resource.singular[:1].upper() + resource.singular[1:]
