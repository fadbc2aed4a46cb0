"""The OpenAPI document: it is complete, its schemas are valid, and it describes what the program serves."""

from __future__ import annotations

import json

import httpx
import jsonschema_rs
import pytest

from monynha.app.catalog import CATALOG
from monynha.app.composition.application import Application
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.users.actions import UserActions
from monynha.domains.users.http import UserRoutes
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.valkey.rate_limiter import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from monynha.protocols.rest.context import RestContext
from monynha.protocols.rest.resource_routes import resource_routes
from monynha.protocols.rest.sse import EventStreamEndpoints
from tests.protocols.openapi.generated_document import DOCUMENT, OPERATIONS, SCHEMAS, with_unknown_ids

pytestmark = pytest.mark.anyio


async def test_document_is_served_as_generated(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json")

    assert response.headers["content-type"] == "application/json"
    assert response.json() == json.loads(json.dumps(DOCUMENT))


@pytest.mark.parametrize("path", DOCUMENT["paths"])
async def test_path_allows_the_documented_methods(client: httpx.AsyncClient, path: str) -> None:
    response = await client.options(with_unknown_ids(path))

    documented = {method.upper() for method in DOCUMENT["paths"][path]}
    assert set(response.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"} == documented


async def test_every_domain_route_is_documented(program: Application) -> None:
    queries, limits = Queries(Compiler()), RateLimits(RateLimiter(program.valkey))
    rest = RestContext(CATALOG, program.database, queries, Mutations(queries), program.auth.authenticate, limits)
    overrides = [
        *UserRoutes(rest, UserActions(program.auth.accounts)).overrides,
        *NotificationRoutes(rest).overrides,
        *EventStreamEndpoints(rest, program.realtime.hub, set()).overrides,
    ]

    assert overrides != []
    assert {(f"/api/v1{path}", method.lower()) for method, path in overrides} <= set(OPERATIONS)


def test_every_resource_route_is_documented() -> None:
    derived = {(f"/api/v1{route.path}", route.method.lower()) for route in resource_routes(CATALOG)}

    assert derived <= set(OPERATIONS)


def test_every_resource_has_a_tag() -> None:
    tags = {tag["name"]: tag["description"] for tag in DOCUMENT["tags"]}

    assert tags == {resource.plural: resource.doc for resource in CATALOG.resources.values()}
    assert all(tags.values())


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_and_their_references_exist(name: str) -> None:
    schema = {**SCHEMAS[name], "components": DOCUMENT["components"]}

    jsonschema_rs.meta.validate(SCHEMAS[name])
    jsonschema_rs.validator_for(schema)


def test_every_component_is_used() -> None:
    text = json.dumps(DOCUMENT)

    unused = [
        f"{kind}/{name}"
        for kind, components in DOCUMENT["components"].items()
        for name in components
        if kind != "securitySchemes" and f'"#/components/{kind}/{name}"' not in text
    ]

    assert unused == []


def test_every_request_body_is_a_named_component() -> None:
    bodies = [
        media["schema"]
        for path, method in OPERATIONS
        if "requestBody" in DOCUMENT["paths"][path][method]
        for media in DOCUMENT["paths"][path][method]["requestBody"]["content"].values()
    ]

    assert len(bodies) > 10
    assert [body for body in bodies if list(body) != ["$ref"]] == []
