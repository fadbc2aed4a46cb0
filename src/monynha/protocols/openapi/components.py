"""The schemas of resources: the whole row, the part that `fields` leaves, what creates and updates take."""

from __future__ import annotations

from monynha.engine.catalog import Catalog
from monynha.engine.resource import Field, Relation, Resource
from monynha.protocols.openapi import forms
from monynha.protocols.openapi.fields import VALUE, Schema, answered, mail_address, ref, sent


def noun(resource: Resource) -> str:
    """Return the name of a resource's schema."""
    return resource.singular[:1].upper() + resource.singular[1:]


def shown(resource: Resource) -> Schema:
    """Return a reference to a row as it is answered, whole or in part."""
    return ref(f"{noun(resource)}Shown")


def body(*names: str) -> Schema:
    """Return what a request carries: one of those objects, or one wrapped as `{"data": …}`."""
    return {"anyOf": [ref(form) for name in names for form in (name, f"{name}Wrapped")]}


def of_resources(catalog: Catalog) -> dict[str, Schema]:
    """Return the schemas of all resources by name."""
    found: dict[str, Schema] = {VALUE: _value()}
    for resource in catalog.resources.values():
        found |= _answered(catalog, resource)
        if "create" in resource.verbs:
            found |= _inputs(resource)
        if "update" in resource.verbs:
            says = f"What changes of a {resource.singular}; what is left out stays."
            changed = an_object(sent_for_update(resource), [], says)
            found |= with_wrapper(f"{noun(resource)}Update", changed)
    return found


def with_wrapper(name: str, schema: Schema) -> dict[str, Schema]:
    """Return a body's schema and that of its wrapper."""
    wrapper = {"type": "object", "required": ["data"], "properties": {"data": ref(name)}}
    return {name: schema, f"{name}Wrapped": {**wrapper, "additionalProperties": False}}


def an_object(properties: dict[str, Schema], required: list[str], says: str) -> Schema:
    """Return the schema of a body that takes these properties and no others."""
    schema: Schema = {"type": "object", "description": says, "properties": properties}
    if required:
        schema["required"] = required
    return {**schema, "additionalProperties": False}


def creates(resource: Resource) -> list[str]:
    """Return the names of the bodies that a create takes, one of them at a time."""
    found_by = [one.rules.found_by[0] for one in resource.fields.values() if one.rules.found_by is not None]
    name = f"{noun(resource)}Create"
    return [name, *(f"{name}By{other[:1].upper()}{other[1:]}" for other in found_by)]


def sent_for_update(resource: Resource) -> dict[str, Schema]:
    """Return what an update may change, by name."""
    return {field.name: sent(field) for field in resource.fields.values() if field.rules.updatable}


def _answered(catalog: Catalog, resource: Resource) -> dict[str, Schema]:
    name = noun(resource)
    own = {field.name: answered(field) for field in resource.fields.values()}
    ways = {way.name: _way(way) for way in catalog.relations_of(resource).values()}
    whole = {
        "type": "object",
        "description": resource.doc,
        "required": list(own),
        "properties": {**own, **ways},
    }
    part = {
        "type": "object",
        "description": f"{resource.doc} Only what `fields` names.",
        "properties": {**own, **ways},
    }
    return {name: whole, f"{name}Part": part, f"{name}Shown": {"anyOf": [ref(name), ref(f"{name}Part")]}}


def _way(way: Relation) -> Schema:
    target = shown(way.target)
    says = f"Shown where `include` names `{way.name}`."
    if way.is_many:
        return {"type": "array", "description": f"{says} The newest 100.", "items": target}
    if way.here.nullable:
        return {"description": says, "anyOf": [*target_parts(way.target), {"type": "null"}]}
    return {"description": says, "anyOf": target_parts(way.target)}


def target_parts(resource: Resource) -> list[Schema]:
    """Return the two forms in which a row is answered."""
    return [ref(noun(resource)), ref(f"{noun(resource)}Part")]


def _inputs(resource: Resource) -> dict[str, Schema]:
    fields = [field for field in resource.fields.values() if field.rules.creatable]
    finder = next((field for field in fields if field.rules.found_by is not None), None)
    found: dict[str, Schema] = {}
    for name in creates(resource):
        given = {field.name: _created(resource, field) for field in fields}
        required = [field.name for field in fields if not field.rules.default]
        if finder is not None and finder.rules.found_by is not None and name != creates(resource)[0]:
            other = finder.rules.found_by[0]
            given = {other: mail_address(), **{key: one for key, one in given.items() if key != finder.name}}
            required = [other if key == finder.name else key for key in required]
        found |= with_wrapper(name, an_object(given, required, f"A new {resource.singular}."))
    return found


def _created(resource: Resource, field: Field) -> Schema:
    schema = sent(field)
    refused = resource.not_created_with.get(field.name, ())
    if refused:
        schema["enum"] = [choice for choice in schema["enum"] if choice not in refused]
    return schema


def _value() -> Schema:
    """Return the schema of any JSON value that is kept.

    Each keyword speaks to values of its own type alone, so that generators of clients take it for any value,
    where a union that holds itself is beyond some. Integers beyond 64 bits are refused; a text holds no NUL.
    """
    return {
        "description": "Any JSON value.",
        "pattern": forms.ANY,
        "minimum": -(2**63),
        "maximum": 2**64 - 1,
        "items": ref(VALUE),
        "propertyNames": {"pattern": forms.ANY},
        "additionalProperties": ref(VALUE),
    }
