"""What an address takes beside its body: parts of the path, query parameters, headers."""

from __future__ import annotations

from collections.abc import Iterator

from monynha.engine.catalog import Catalog
from monynha.engine.model import Kind
from monynha.engine.resource import Filter, Resource, column_of
from monynha.protocols.openapi import forms
from monynha.protocols.openapi.fields import Schema, identifier, instant
from monynha.protocols.rest.addresses import Address, own_parameter
from monynha.protocols.rest.question import LIMIT, MOST, MOST_VALUES

_ME = {"type": "string", "const": "me", "description": "The caller."}


def of_path(address: Address) -> Iterator[Schema]:
    """Yield the parts of the path; where they name a person, `me` is the caller."""
    for name in (part[1:-1] for part in address.path.split("/") if part.startswith("{")):
        whose = _named(address, name)
        schema: Schema = {"anyOf": [identifier(), _ME]} if whose.is_actor else identifier()
        if address.verb == "delete":
            # `me` works here too; it is not told, so that nothing that tries the document out ends itself.
            schema = identifier()
        says = f"The id of the {whose.singular}."
        yield {"name": name, "in": "path", "required": True, "description": says, "schema": schema}


def _named(address: Address, name: str) -> Resource:
    """Return the resource whose id stands in a path under that name."""
    resource, within = address.resource, address.resource.within
    if address.below is not None:
        return address.below.source
    if within is not None and (address.verb == "create" or resource.is_reached_through_parent):
        if name != own_parameter(resource) or address.verb == "create":
            return within.target
        return next(link.target for link in resource.links.values() if column_of(link.by) is resource.own_key)
    return resource


def of_query(catalog: Catalog, address: Address) -> Iterator[Schema]:
    """Yield the query parameters."""
    resource = address.resource
    if address.verb == "delete":
        for name, says in resource.switches.items():
            yield _query(name, says, {"type": "boolean", "default": False})
        return
    if address.verb == "list":
        yield from _of_list(resource)
    ways = include_paths(catalog, resource)
    if ways:
        yield _comma_list("include", f"What to embed, dotted to go on: `{ways[-1]}`.", _one_of(ways))
    yield _comma_list(
        "fields",
        "The fields to show; those of something included with its name and a dot.",
        _one_of(list(resource.fields)),
    )


def _of_list(resource: Resource) -> Iterator[Schema]:
    most: Schema = {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT}
    yield _query("limit", "How many at most.", most)
    yield _query(
        "cursor", "Where to go on: the `nextCursor` of the page before.", {"type": "string", "minLength": 1}
    )
    sorts = [sign + name for name in resource.sorts for sign in ("", "-")]
    order = {"type": "string", "enum": sorts, "default": f"-{resource.newest}"}
    yield _query("sort", "What to sort by, with - before it for descending; nulls come last.", order)
    yield _query("count", "Whether to count all that there are.", {"type": "string", "enum": ["exact"]})
    for one in resource.filters:
        yield _filter(resource, one)


def _filter(resource: Resource, one: Filter) -> Schema:
    field = resource.fields[one.fields[0]]
    if one.operator == "words":
        where = " or ".join(one.fields)
        schema = {"type": "string", "maxLength": 500, "pattern": forms.SEARCH}
        return _query(one.name, f"Words that all stand in {where}; at most 20.", schema)
    if one.operator == "before":
        return _query(one.name, f"Only where {field.name} is before this moment.", instant())
    if one.operator == "after":
        return _query(one.name, f"Only where {field.name} is this moment or after it.", instant())
    if one.operator == "has":
        word = {"type": "string", "minLength": 1, "pattern": forms.WORD}
        return _comma_list(one.name, f"Only where {field.name} hold one of these.", word)
    if field.rules.kind is Kind.CHOICE:
        return _comma_list(
            one.name, f"Only where {field.name} is one of these.", _one_of(list(field.rules.choices))
        )
    some: Schema = {"anyOf": [identifier(), _ME]}
    return _comma_list(one.name, f"Only where {field.name} is one of these.", some)


def include_paths(catalog: Catalog, resource: Resource) -> list[str]:
    """Return the ways that lead on from a resource, one or two steps far and to many at most once.

    Longer ones are taken too, as far as the cost limit allows.
    """
    found: list[str] = []
    for way in catalog.relations_of(resource).values():
        found.append(way.name)
        further = catalog.relations_of(way.target).values()
        found += [
            f"{way.name}.{next_one.name}" for next_one in further if not (way.is_many and next_one.is_many)
        ]
    return found


def of_headers(address: Address) -> Iterator[Schema]:
    """Yield the headers that are read."""
    if address.verb == "read":
        yield _header(
            "If-None-Match", "The ETag of what you have: 304 if it is still that.", {"type": "string"}
        )
    if address.verb in ("update", "delete"):
        says = "The ETag of what you have seen, or *: 412 if the row has changed since."
        yield _header("If-Match", says, {"type": "string"})
    if address.verb == "create":
        says = "A name for this create, so that sending it again within 24 hours creates nothing twice."
        yield _header("Idempotency-Key", says, {"type": "string", "pattern": forms.PRINTABLE})


def _one_of(words: list[str]) -> Schema:
    return {"type": "string", "enum": words}


def _comma_list(name: str, says: str, item: Schema) -> Schema:
    schema: Schema = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_VALUES}
    return {**_query(name, f"{says} Separated by commas.", schema), "style": "form", "explode": False}


def _query(name: str, says: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": says, "schema": schema}


def _header(name: str, says: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": says, "schema": schema}
