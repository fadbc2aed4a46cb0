"""One address as an OpenAPI operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monynha.core import errors
from monynha.core.errors import Fault
from monynha.engine.catalog import Catalog
from monynha.engine.resource import Resource
from monynha.protocols.openapi import answers, links, parameters
from monynha.protocols.openapi.components import an_object, body, creates, noun, sent_for_update, with_wrapper
from monynha.protocols.openapi.fields import Schema
from monynha.protocols.openapi.names import operation_id, summary
from monynha.protocols.rest.addresses import Address, Verb
from monynha.protocols.rest.described import Action, Described

# What the connection, the limits, the asker's token and the servers can come to at every address.
_ALWAYS = (
    errors.BadRequest,
    errors.Unauthenticated,
    errors.RequestTimeout,
    errors.RateLimited,
    errors.HeadTooLarge,
    errors.Internal,
    errors.Unavailable,
)
_OF_A_BODY = (errors.TooLarge, errors.UnsupportedMediaType, errors.Invalid)
_OF_A_ROW = (errors.Forbidden, errors.NotFound, errors.Conflict, errors.PreconditionFailed)
_OF_A_VERB: dict[Verb, tuple[type[Fault], ...]] = {
    "list": (),
    "read": (errors.NotFound,),
    "create": (errors.Forbidden, errors.Conflict, *_OF_A_BODY),
    "update": (*_OF_A_ROW, *_OF_A_BODY),
    "delete": _OF_A_ROW,
}


@dataclass(frozen=True)
class Operations:
    """Describes addresses: the derived ones, and those that a domain described itself."""

    catalog: Catalog
    addresses: tuple[Address, ...]
    described: Mapping[tuple[str, str], Described]

    def of(self, address: Address) -> dict[str, Any]:
        """Return the operation at an address."""
        own = self.described.get((address.method, address.path))
        is_sign_up = own is not None and own.is_public
        given = [*parameters.of_path(address)]
        if own is None or not own.is_whole:
            given += [*parameters.of_query(self.catalog, address), *parameters.of_headers(address)]
        operation: dict[str, Any] = {
            "operationId": operation_id(address),
            "summary": summary(address),
            "description": own.doc if own is not None else address.resource.doc,
            "tags": [address.resource.plural],
            "parameters": given,
            "responses": self._responses(address, own),
        }
        if address.verb in ("create", "update"):
            schema = body(*self._bodies(address, own))
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        if is_sign_up:
            operation["security"] = []
        return operation

    def of_action(self, action: Action) -> dict[str, Any]:
        """Return the operation of an address that does none of the five verbs."""
        good = answers.a_result(action.media_type, dict(action.answers), action.summary)
        faults = {*_ALWAYS, *_of_an_address(action.path)}
        if action.media_type == "application/json":
            faults.add(errors.NotAcceptable)
        return {
            "operationId": action.name,
            "summary": action.summary,
            "description": action.doc,
            "tags": [action.resource.plural],
            "parameters": list(parameters.of_action(action)),
            "responses": {"200": good, **answers.refusals(faults)},
        }

    def bodies(self) -> dict[str, Schema]:
        """Return the schemas of the bodies that domains described, by name."""
        found: dict[str, Schema] = {}
        for own in self.described.values():
            if own.inputs:
                mine = {name: dict(schema) for name, schema in own.inputs.items()}
                given = mine if own.is_whole else {**sent_for_update(own.resource), **mine}
                found |= with_wrapper(_name(own), an_object(given, list(own.required), own.doc))
        return found

    def _bodies(self, address: Address, own: Described | None) -> list[str]:
        if own is not None and own.inputs:
            return [_name(own)]
        return creates(address.resource) if address.verb == "create" else [f"{noun(address.resource)}Update"]

    def _responses(self, address: Address, own: Described | None) -> dict[str, Schema]:
        resource, verb = address.resource, address.verb
        faults = {*_ALWAYS, *_of_an_address(address.path), *_OF_A_VERB[verb], errors.NotAcceptable}
        if own is not None and own.is_public:
            faults -= {errors.Forbidden}
        return {**self._good(address, own, resource), **answers.refusals(faults)}

    def _good(self, address: Address, own: Described | None, resource: Resource) -> dict[str, Schema]:
        verb = address.verb
        if verb == "delete":
            return {"204": answers.nothing("It is gone.")}
        led = links.of_answer(address, self.addresses)
        if verb == "list":
            return {"200": {**answers.a_page(resource), "links": led}}
        if verb == "read":
            return {
                "200": answers.an_item(resource, 200, f"The {resource.singular}."),
                "304": answers.nothing("It is what you have."),
            }
        if verb == "update":
            return {"200": answers.an_item(resource, 200, f"The {resource.singular} as it is now.")}
        made = answers.an_item(resource, 201, f"The new {resource.singular}.", is_versioned=own is None)
        return {"201": {**made, "links": led}}


def _of_an_address(path: str) -> tuple[type[Fault], ...]:
    return (errors.NotFound,) if "{" in path else ()


def _name(own: Described) -> str:
    return f"{noun(own.resource)}{'Create' if own.verb == 'create' else 'Update'}"
