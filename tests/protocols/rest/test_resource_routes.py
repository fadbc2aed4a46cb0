"""Resource routes: which methods and paths are derived from the catalog."""

from __future__ import annotations

from monynha.app.composition.catalog import CATALOG
from monynha.protocols.rest.resource_routes import id_parameter, resource_routes

ROUTES = {(route.method, route.path): route for route in resource_routes(CATALOG)}


def test_nested_resource_is_listed_below_its_parent_and_at_the_top() -> None:
    nested, top = ROUTES["GET", "/projects/{id}/tasks"], ROUTES["GET", "/tasks"]

    assert (nested.operation, top.operation) == ("list", "list")
    assert nested.parent_relation is CATALOG.relations["projects"]["tasks"]
    assert top.parent_relation is None


def test_item_whose_key_includes_its_parent_has_a_nested_path() -> None:
    assert id_parameter(CATALOG.resources["members"]) == "userId"
    assert ROUTES["GET", "/projects/{id}/members/{userId}"].operation == "read"
    assert ("GET", "/members") not in ROUTES


def test_update_is_put_and_patch() -> None:
    operations = {method: ROUTES[method, "/tasks/{id}"].operation for method in ("GET", "PUT", "PATCH", "DELETE")}

    assert operations == {"GET": "read", "PUT": "update", "PATCH": "update", "DELETE": "delete"}


def test_create_is_below_the_parent() -> None:
    assert ROUTES["POST", "/projects/{id}/tasks"].operation == "create"
    assert ("POST", "/tasks") not in ROUTES


def test_operation_that_a_resource_does_not_have_is_not_routed() -> None:
    routed = {(route.resource.plural, route.operation) for route in ROUTES.values() if route.operation != "list"}
    declared = {
        (resource.plural, operation)
        for resource in CATALOG.resources.values()
        for operation in resource.operations - {"list"}
    }

    assert routed == declared


def test_inverse_relation_may_have_a_list_route() -> None:
    assert ROUTES["GET", "/users/{id}/posts"].parent_relation is CATALOG.relations["users"]["posts"]
