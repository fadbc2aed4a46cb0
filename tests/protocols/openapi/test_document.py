"""The document says all there is, and nothing that is not."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import httpx
import jsonschema_rs
import pytest

from monynha.app.asgi import Program
from monynha.app.catalog import CATALOG
from monynha.app.described import openapi_document
from monynha.domains.notifications.http import NotificationRoutes
from monynha.domains.users.actions import UserActions
from monynha.domains.users.http import UserRoutes
from monynha.engine.compiler import Compiler
from monynha.engine.mutate import Mutate
from monynha.engine.query import Query
from monynha.protocols.rest.addresses import addresses
from monynha.protocols.rest.events import EventStreams
from monynha.protocols.rest.handlers import Rest
from tests.people import Person

pytestmark = pytest.mark.anyio

DOCUMENT = openapi_document()
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
METHODS = {"get", "post", "put", "patch", "delete"}
OPERATIONS = [(path, method) for path, item in DOCUMENT["paths"].items() for method in item]


async def test_it_is_served_as_it_is_generated(client: httpx.AsyncClient) -> None:
    answer = await client.get("/openapi.json")

    assert "application/json" == answer.headers["content-type"]
    assert json.loads(json.dumps(DOCUMENT)) == answer.json()


@pytest.mark.parametrize("path", DOCUMENT["paths"])
async def test_a_path_takes_the_methods_it_is_said_to_take(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.options(path.replace("{id}", str(uuid4())).replace("{userId}", str(uuid4())))

    expected = {method.upper() for method in DOCUMENT["paths"][path]}
    assert expected == set(answer.headers["allow"].split(", ")) - {"HEAD", "OPTIONS"}


async def test_every_address_of_the_program_is_described(program: Program) -> None:
    query = Query(Compiler())
    rest = Rest(CATALOG, program.database, query, Mutate(query), program.auth.identify)
    own = [
        *UserRoutes(rest, UserActions(program.auth.accounts)).overrides,
        *NotificationRoutes(rest).overrides,
        *EventStreams(rest, program.live.hub, set()).overrides,
    ]

    assert {(f"/api/v1{path}", method.lower()) for method, path in own} <= set(OPERATIONS)


async def test_what_is_answered_without_a_row_is_as_described(ada: Person) -> None:
    answer = await ada.post("/notifications/read-all", None)
    described = DOCUMENT["paths"]["/api/v1/notifications/read-all"]["post"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]

    jsonschema_rs.validate(schema, answer.json())
    assert {"updated": 0} == answer.json()["data"]
    assert 400 == (await ada.post("/notifications/read-all?all=1", None)).status_code


def test_every_derived_address_is_described() -> None:
    derived = {(f"/api/v1{one.path}", one.method.lower()) for one in addresses(CATALOG)}

    assert derived <= set(OPERATIONS)


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation_says_everything(path: str, method: str) -> None:
    operation = DOCUMENT["paths"][path][method]

    assert operation["summary"]
    assert operation["description"]
    assert operation["tags"]
    assert all(one["description"] for one in operation["parameters"])
    assert {"400", "401", "429", "500", "503"} <= set(operation["responses"])
    has_body = method in ("post", "put", "patch") and not path.endswith("/read-all")
    assert ("requestBody" in operation) == has_body
    assert (operation.get("security") == []) == ((path, method) == ("/api/v1/users", "post"))


def test_operations_are_named_once() -> None:
    names = [DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS]

    assert len(names) == len(set(names))


def test_links_lead_to_operations_that_are_there() -> None:
    names = {DOCUMENT["paths"][path][method]["operationId"] for path, method in OPERATIONS}
    answers = [one for path, method in OPERATIONS for one in _responses(path, method)]
    led = {link["operationId"] for answer in answers for link in answer.get("links", {}).values()}

    assert led
    assert led <= names


def _responses(path: str, method: str) -> list[dict[str, Any]]:
    return list(DOCUMENT["paths"][path][method]["responses"].values())


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas_are_schemas_and_refer_to_what_is_there(name: str) -> None:
    schema = {**SCHEMAS[name], "components": DOCUMENT["components"]}

    jsonschema_rs.meta.validate(SCHEMAS[name])
    jsonschema_rs.validator_for(schema)


async def test_rows_hold_what_is_said_and_no_more(ada: Person) -> None:
    project = await ada.project()
    task = await ada.task(project, assigneeId=str(ada.id))
    post = await ada.made("/posts", {"title": "x", "content": "y"})
    places = {
        "User": f"/users/{ada.id}",
        "Post": f"/posts/{post['id']}",
        "Project": f"/projects/{project['id']}",
        "Member": f"/projects/{project['id']}/members/{ada.id}",
        "Task": f"/tasks/{task['id']}",
    }

    for noun, path in places.items():
        resource = next(one for one in CATALOG.resources.values() if one.singular == noun.lower())
        ways = list(CATALOG.relations_of(resource))
        plain = (await ada.get(path)).json()["data"]
        full = (await ada.get(f"{path}?include={','.join(ways)}")).json()["data"]
        assert SCHEMAS[noun]["required"] == list(plain)
        assert list(SCHEMAS[noun]["properties"]) == list(full)
        assert set(ways) == set(full) - set(plain)


PAGES = ["/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]


@pytest.mark.parametrize("path", PAGES)
async def test_the_page_to_try_it_takes_nothing_from_elsewhere(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(path)
    policy = answer.headers["content-security-policy"]

    assert 200 == answer.status_code
    assert "default-src 'none'; script-src 'self'; " in policy
    assert "http" not in policy
    assert "nosniff" == answer.headers["x-content-type-options"]


async def test_the_page_asks_for_nothing_that_is_not_there(client: httpx.AsyncClient) -> None:
    page = (await client.get("/docs")).text
    wanted = [part.partition('"')[0] for word in ("src=", "href=") for part in page.split(f'{word}"')[1:]]

    for address in wanted:
        if not address.startswith("data:"):
            assert 200 == (await client.get(address)).status_code, address


async def test_the_first_page_leads_to_it(client: httpx.AsyncClient) -> None:
    page = (await client.get("/")).text

    assert '<a href="/docs">' in page
    assert '<a href="/openapi.json">' in page
