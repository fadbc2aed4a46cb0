"""What operations are called, for generated clients and for people."""

from __future__ import annotations

from monynha.protocols.rest.addresses import Address

_WORDS = {"list": "list", "read": "get", "create": "create", "delete": "delete"}


def operation_id(address: Address) -> str:
    """Return the operation's name, as `listProjectTasks`; PUT updates and PATCH patches."""
    word = _WORDS.get(address.verb) or ("patch" if address.method == "PATCH" else "update")
    if address.verb != "list":
        return word + _capital(address.resource.singular)
    if address.below is None:
        return word + _capital(address.resource.plural)
    return word + _capital(address.below.source.singular) + _capital(address.below.name)


def summary(address: Address) -> str:
    """Return what the operation does, in a few words."""
    one, many = address.resource.singular, address.resource.plural
    if address.verb == "list":
        return (
            f"List {many}"
            if address.below is None
            else f"List the {many} of a {address.below.source.singular}"
        )
    word = {"read": "Read", "create": "Create", "update": "Change", "delete": "Delete"}[address.verb]
    return f"{word} a {one}"


def _capital(word: str) -> str:
    return word[:1].upper() + word[1:]
