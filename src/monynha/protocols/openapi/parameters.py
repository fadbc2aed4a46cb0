"""What an address takes beside its body: parts of the path, query parameters, headers."""

from __future__ import annotations

from collections.abc import Iterator

from monynha.engine.catalog import Catalog
from monynha.engine.model import Kind
from monynha.engine.resource import Filter, Resource, column_of
from monynha.protocols.openapi import forms
from monynha.protocols.openapi.fields import Schema, identifier, instant
from monynha.protocols.rest.addresses import Address, own_parameter
from monynha.protocols.rest.described import Action
from monynha.protocols.rest.question import LIMIT, MOST

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
        says = f"What to embed, as `{ways[0]}`, dotted to go on, as far as the cost allows."
        yield _query("include", f"{says} A comma list.", _some_of(ways))
    says = "What to show; of something that is included, with its name and a dot before."
    yield _query("fields", f"{says} A comma list.", _some_of(list(resource.fields)))


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
    if one.operator == "missing":
        return _query(one.name, f"Only where {field.name} is null, or is not.", {"type": "boolean"})
    says = f"Only where {field.name} is one of these. A comma list."
    if one.operator == "has" or field.rules.kind is Kind.TEXT:
        verb = "hold" if one.operator == "has" else "is"
        says = f"Only where {field.name} {verb} one of these. A comma list."
        return _query(one.name, says, {"type": "string", "pattern": forms.list_of(forms.WORD)})
    if field.rules.kind is Kind.CHOICE:
        return _query(one.name, says, _some_of(list(field.rules.choices)))
    return _query(one.name, says, {"type": "string", "pattern": forms.list_of(f"({forms.UUID}|me)")})


def of_action(action: Action) -> Iterator[Schema]:
    """Yield all that an action takes: the id in its path, its query parameters and headers."""
    if "{id}" in action.path:
        says = f"The id of the {action.resource.singular}."
        yield {"name": "id", "in": "path", "required": True, "description": says, "schema": identifier()}
    for where, given in (("query", action.query), ("header", action.headers)):
        for name, schema in given.items():
            bare = {key: value for key, value in schema.items() if key != "description"}
            yield {"name": name, "in": where, "description": schema["description"], "schema": bare}


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


def _some_of(words: list[str]) -> Schema:
    """Return the schema of a comma list: a word alone is told by name, so that typed clients know them.

    It is a text and no array: clients differ in how they send arrays, and a repeated parameter is refused.
    """
    some = forms.list_of(f"({'|'.join(word.replace('.', '[.]') for word in words)})")
    return {"anyOf": [{"type": "string", "enum": words}, {"type": "string", "pattern": some}]}


def _query(name: str, says: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "description": says, "schema": schema}


def _header(name: str, says: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "description": says, "schema": schema}
