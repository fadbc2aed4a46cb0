"""The document says all there is, and nothing that is not."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import pytest

from monynha.app.composition.application import Application
from monynha.app.composition.catalog import CATALOG
from monynha.app.docs.openapi import openapi_document
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.users.actions import UserActions
from monynha.domains.users.http import UserRoutes
from monynha.engine.mutation.mutations import Mutations
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.protocols.rest.resource_routes import resource_routes
from monynha.protocols.rest.sse import EventStreamEndpoints
from monynha.protocols.rest.write_handlers import RestContext
from tests.users import ApiUser

pytestmark = pytest.mark.anyio

DOCUMENT: Any = openapi_document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


async def test_document_is_served_as_generated(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")

    assert answer.headers["content-type"] == "application/json"
    assert json.loads(json.dumps(DOCUMENT)) == answer.json()


@pytest.mark.parametrize("path", DOCUMENT["paths"])
async def test_path_allows_the_documented_methods(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(path.replace("{id}", str(uuid4())).replace("{userId}", str(uuid4())))

    expected = {method.upper() for method in DOCUMENT["paths"][path]}
    assert expected == set(answer.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"}


async def test_every_domain_route_is_documented(program: Application) -> None:
    query = Queries(Compiler())
    rest = RestContext(CATALOG, program.database, query, Mutations(query), program.auth.authenticate)
    route_overrides = [
        *UserRoutes(rest, UserActions(program.auth.accounts)).overrides,
        *NotificationRoutes(rest).overrides,
        *EventStreamEndpoints(rest, program.realtime.hub, set()).overrides,
    ]

    assert {(f"/api/v1{path}", method.lower()) for method, path in route_overrides} <= set(OPERATIONS)


async def test_action_response_matches_its_schema(user: ApiUser) -> None:
    answer = await user.post("/notifications/read-all", None)
    documented = DOCUMENT["paths"]["/api/v1/notifications/read-all"]["post"]["responses"]["200"]
    schema = documented["content"]["application/json"]["schema"]

    jsonschema_rs.validate(schema, answer.json())
    assert answer.json()["data"] == {"updated": 0}
    assert (await user.post("/notifications/read-all?all=1", None)).status_code == 400


def test_every_resource_route_is_documented() -> None:
    derived = {(f"/api/v1{one.path}", one.method.lower()) for one in resource_routes(CATALOG)}

    assert derived <= set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_operation_is_documented_completely(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]

    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert all(one["description"] for one in operation["parameters"])
    assert {"400", "401", "429", "500", "503"} <= set(operation["responses"])
    has_body = method in ("post", "put", "patch") and not path.endswith("/read-all")
    assert ("requestBody" in operation) == has_body
    assert (operation.get("security") == []) == ((path, method) == ("/api/v1/users", "post"))


def test_operation_ids_are_unique() -> None:
    names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]

    assert len(names) == len(set(names))


def test_links_refer_to_existing_operations() -> None:
    operation_ids = {DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS}
    responses = [one for path, method in OPERATIONS for one in _responses(path, method)]
    linked_ids = {link["operationId"] for answer in responses for link in answer.get("links", {}).values()}

    assert linked_ids
    assert linked_ids <= operation_ids


def _responses(path: str, method: str) -> list[dict[str, Any]]:
    return list(DOCUMENT["paths"][path][method]["responses"].values())


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_valid_and_their_references_exist(name: str) -> None:
    schema = {**SCHEMAS[name], "components": DOCUMENT["components"]}

    jsonschema_rs.meta.validate(SCHEMAS[name])
    jsonschema_rs.validator_for(schema)


async def test_rows_have_exactly_the_documented_properties(user: ApiUser) -> None:
    project = await user.create_project()
    task = await user.create_task(project, assigneeId=str(user.id))
    post = await user.create("/posts", {"title": "x", "content": "y"})
    paths_by_schema = {
        "User": f"/users/{user.id}",
        "Post": f"/posts/{post['id']}",
        "Project": f"/projects/{project['id']}",
        "Member": f"/projects/{project['id']}/members/{user.id}",
        "Task": f"/tasks/{task['id']}",
    }

    for schema_name, path in paths_by_schema.items():
        resource = next(one for one in CATALOG.resources.values() if one.singular == schema_name.lower())
        relation_names = list(CATALOG.relations_of(resource))
        plain = (await user.get(path)).json()["data"]
        included = (await user.get(f"{path}?include={','.join(relation_names)}")).json()["data"]
        assert SCHEMAS[schema_name]["required"] == list(plain)
        assert list(SCHEMAS[schema_name]["properties"]) == list(included)
        assert set(relation_names) == set(included) - set(plain)


DOCS_PATHS = ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]


@pytest.mark.parametrize("path", DOCS_PATHS)
async def test_docs_page_loads_nothing_from_other_hosts(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    policy = response.headers["content-security-policy"]

    assert response.status_code == 200
    assert "default-src 'none'; script-src 'self'; " in policy
    assert "http" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"


async def test_every_file_of_the_docs_page_exists(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    urls = [part.partition('"')[0] for word in ("src=", "href=") for part in page.split(f'{word}"')[1:]]

    for address in urls:
        if not address.startswith("data:"):
            assert (await client.get(address)).status_code == 200, address


async def test_landing_page_links_to_the_docs(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text

    assert '<a href="/docs">' in page
    assert '<a href="/openapi.json">' in page
