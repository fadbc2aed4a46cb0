"""One route as an OpenAPI operation: parameters, request body, responses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.core import errors
from monynha.core.errors import AppError
from monynha.engine.schema.catalog import Catalog
from monynha.engine.schema.resource import Resource
from monynha.protocols.openapi import links, parameters, responses
from monynha.protocols.openapi.components import (
    body_component,
    body_schemas,
    create_schema_names,
    object_schema,
    update_properties,
    with_data_wrapper,
)
from monynha.protocols.openapi.field_schemas import Schema, ref
from monynha.protocols.openapi.operation_ids import operation_id, operation_summary
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc, EndpointDoc
from monynha.protocols.rest.resource_routes import Operation, ResourceRoute

# The errors of every operation: malformed or slow requests, tokens, rate limits, failures.
_COMMON_ERRORS = (
    errors.BadRequestError,
    errors.UnauthenticatedError,
    errors.RequestTimeoutError,
    errors.RateLimitedError,
    errors.HeadersTooLargeError,
    errors.InternalError,
    errors.UnavailableError,
)
_BODY_ERRORS = (errors.PayloadTooLargeError, errors.UnsupportedMediaTypeError, errors.ValidationFailedError)
_ROW_ERRORS = (
    errors.ForbiddenError,
    errors.NotFoundError,
    errors.ConflictError,
    errors.PreconditionFailedError,
)
_ERRORS_BY_OPERATION: dict[Operation, tuple[type[AppError], ...]] = {
    "list": (),
    "read": (errors.NotFoundError,),
    # 404: the row that a repeated Idempotency-Key once created is gone, or the caller may not see it any more.
    "create": (errors.ForbiddenError, errors.NotFoundError, errors.ConflictError, *_BODY_ERRORS),
    "update": (*_ROW_ERRORS, *_BODY_ERRORS),
    "delete": _ROW_ERRORS,
}


@dataclass(frozen=True)
class OperationBuilder:
    """Builds the operations of resource routes and of custom endpoints."""

    catalog: Catalog
    routes: tuple[ResourceRoute, ...]
    endpoint_docs: Mapping[tuple[str, str], EndpointDoc]

    def build(self, route: ResourceRoute) -> Schema:
        """Return the operation of a resource route."""
        endpoint_doc = self.endpoint_docs.get((route.method, route.path))
        is_sign_up = endpoint_doc is not None and endpoint_doc.is_public
        operation_parameters = [*parameters.path_parameters(route)]
        if endpoint_doc is None or not endpoint_doc.replaces_fields:
            operation_parameters += [
                *parameters.query_parameters(self.catalog, route),
                *parameters.header_parameters(route),
            ]
        if endpoint_doc is not None:
            operation_parameters += [
                parameters.documented_parameter("query", name, schema)
                for name, schema in endpoint_doc.query_schemas.items()
            ]
        operation: Schema = {
            "operationId": operation_id(route),
            "summary": operation_summary(route),
            "description": endpoint_doc.doc if endpoint_doc is not None else route.resource.doc,
            "tags": [route.resource.plural],
            "parameters": operation_parameters,
            "responses": self._responses(route, endpoint_doc),
        }
        if route.operation in ("create", "update"):
            schema = ref(body_component(*self._body_schema_names(route, endpoint_doc)))
            operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
        if is_sign_up:
            operation["security"] = []
        return operation

    def build_action(self, action: CustomEndpointDoc) -> Schema:
        """Return the operation of a custom endpoint."""
        error_classes = {*_COMMON_ERRORS, *_path_errors(action.path), *action.error_classes}
        if action.media_type == "application/json":
            error_classes.add(errors.NotAcceptableError)
        operation: Schema = {
            "operationId": action.operation_id,
            "summary": action.summary,
            "description": action.doc,
            "tags": [action.resource.plural],
            "parameters": list(parameters.action_parameters(action)),
        }
        if action.form_name:
            form = {"multipart/form-data": {"schema": ref(action.form_name)}}
            operation["requestBody"] = {"required": True, "content": form}
            error_classes |= {*_BODY_ERRORS}
        if action.body_name:
            content = {"application/json": {"schema": ref(action.body_name)}}
            operation["requestBody"] = {"required": True, "content": content}
            error_classes |= {*_BODY_ERRORS}
        if action.is_public:
            error_classes -= {errors.UnauthenticatedError} - {*action.error_classes}
            operation["security"] = []
        return {
            **operation,
            "responses": {**self._action_responses(action), **responses.error_references(error_classes)},
        }

    def _action_responses(self, action: CustomEndpointDoc) -> dict[str, Schema]:
        summary, schema = f"{action.summary}.", dict(action.response_schema)
        if action.status == 204:
            success = responses.empty_response(summary)
        elif action.status == 201:
            create = ResourceRoute(action.method, action.path, "create", action.resource)
            row_links = links.response_links(create, self.routes)
            success = {**responses.item_response(action.resource, 201, summary), "links": row_links}
        else:
            success = responses.action_response(action.media_type, schema, action.summary)
        others = {
            str(status): responses.action_response(action.media_type, schema, meaning)
            if status == 206
            else responses.empty_response(f"{meaning}.")
            for status, meaning in action.other_statuses.items()
        }
        return {str(action.status): success, **others}

    def body_schemas(self) -> dict[str, Schema]:
        """Return the schemas of the request bodies in the endpoint docs, by name."""
        schemas: dict[str, Schema] = {}
        for endpoint_doc in self.endpoint_docs.values():
            if endpoint_doc.input_schemas:
                own_properties = {name: dict(schema) for name, schema in endpoint_doc.input_schemas.items()}
                properties = (
                    own_properties
                    if endpoint_doc.replaces_fields
                    else {**update_properties(endpoint_doc.resource), **own_properties}
                )
                schemas |= with_data_wrapper(
                    _body_schema_name(endpoint_doc),
                    object_schema(properties, list(endpoint_doc.required), endpoint_doc.doc),
                )
        for route in self.routes:
            if route.operation in ("create", "update"):
                schemas |= body_schemas(
                    *self._body_schema_names(route, self.endpoint_docs.get((route.method, route.path)))
                )
        return schemas

    def _body_schema_names(self, route: ResourceRoute, endpoint_doc: EndpointDoc | None) -> list[str]:
        if endpoint_doc is not None and endpoint_doc.input_schemas:
            return [_body_schema_name(endpoint_doc)]
        return (
            create_schema_names(route.resource)
            if route.operation == "create"
            else [f"{route.resource.type_name}Update"]
        )

    def _responses(self, route: ResourceRoute, endpoint_doc: EndpointDoc | None) -> dict[str, Schema]:
        resource, verb = route.resource, route.operation
        error_classes = {
            *_COMMON_ERRORS,
            *_path_errors(route.path),
            *_ERRORS_BY_OPERATION[verb],
            errors.NotAcceptableError,
        }
        if resource.is_admin_only:
            error_classes.add(errors.ForbiddenError)
        if endpoint_doc is not None and endpoint_doc.is_public:
            error_classes -= {errors.NotFoundError}
        return {
            **self._success_responses(route, endpoint_doc, resource),
            **responses.error_references(error_classes),
        }

    def _success_responses(
        self, route: ResourceRoute, endpoint_doc: EndpointDoc | None, resource: Resource
    ) -> dict[str, Schema]:
        verb = route.operation
        if verb == "delete":
            return {"204": responses.empty_response("Deleted.")}
        links_of_response = links.response_links(route, self.routes)
        if verb == "list":
            other_media_types = () if endpoint_doc is None else endpoint_doc.other_media_types
            page = responses.page_response(resource, other_media_types)
            return {"200": {**page, "links": links_of_response}}
        if verb == "read":
            return {
                "200": responses.item_response(resource, 200, f"The {resource.singular}."),
                "304": responses.empty_response("Not modified since the ETag in If-None-Match."),
            }
        if verb == "update":
            return {"200": responses.item_response(resource, 200, f"The updated {resource.singular}.")}
        is_versioned = endpoint_doc is None or not endpoint_doc.replaces_fields
        created_response = responses.item_response(
            resource, 201, f"The new {resource.singular}.", is_versioned=is_versioned
        )
        if endpoint_doc is not None and endpoint_doc.response_schemas:
            created_response |= responses.extended_row_content(resource)
        created = {"201": {**created_response, "links": links_of_response}}
        accepted = None if endpoint_doc is None else endpoint_doc.accepted
        if accepted is None:
            return created
        return {**created, "202": responses.item_response(accepted, 202, f"The new {accepted.singular} instead.")}


def _path_errors(path: str) -> tuple[type[AppError], ...]:
    return (errors.NotFoundError,) if "{" in path else ()


def _body_schema_name(endpoint_doc: EndpointDoc) -> str:
    return f"{endpoint_doc.resource.type_name}{'Create' if endpoint_doc.operation == 'create' else 'Update'}"
