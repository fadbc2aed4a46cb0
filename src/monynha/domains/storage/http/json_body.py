"""JSON bodies of /storage/v1 and their fields; wrong types are named. An empty body is an empty object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from monynha.core.serialization import parse_json
from monynha.domains.storage.errors import InvalidRequestError
from monynha.protocols.http.request import Request

_Choice = TypeVar("_Choice", bound=str)


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of a JSON object; raises InvalidRequestError for those that have another type."""

    values: Mapping[str, object]
    path: str = "body"

    def __contains__(self, name: str) -> bool:
        """Whether the field is sent, with a value or null."""
        return name in self.values

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text without NUL; `default` where it is missing or null, without one it is required."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if value is None:
            raise InvalidRequestError(f"{self.path} must have required property '{name}'")
        if not isinstance(value, str) or "\x00" in value:
            raise InvalidRequestError(f"{self.path}/{name} must be string")
        return value

    def boolean(self, name: str) -> bool | None:
        """Return a boolean, None where it is missing."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, bool):
            raise InvalidRequestError(f"{self.path}/{name} must be boolean")
        return value

    def integer(self, name: str, default: int | None, minimum: int, maximum: int) -> int:
        """Return a whole number, also of a text as the Python client sends it."""
        value = self.values.get(name)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 19:
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            problem = "must have required property" if value is None else "must be integer:"
            raise InvalidRequestError(f"{self.path} {problem} '{name}'")
        if not minimum <= value <= maximum:
            raise InvalidRequestError(f"{self.path}/{name} must be >= {minimum} and <= {maximum}")
        return value

    def choice(self, name: str, choices: Sequence[_Choice], default: _Choice) -> _Choice:
        """Return one of the words."""
        value = self.values.get(name)
        if value is None or value == "":
            return default
        for word in choices:
            if value == word:
                return word
        raise InvalidRequestError(f"{self.path}/{name} must be equal to one of the allowed values")

    def object(self, name: str) -> Fields:
        """Return the fields of an object within, none where it is missing."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise InvalidRequestError(f"{self.path}/{name} must be object")
        return Fields(value or {}, f"{self.path}/{name}")

    def texts(self, name: str, maximum: int) -> list[str]:
        """Return a list of texts."""
        value = self.values.get(name)
        if not isinstance(value, list) or not 1 <= len(value) <= maximum:
            raise InvalidRequestError(f"{self.path}/{name} must be an array of 1 to {maximum} items")
        texts = [
            item["path"] if isinstance(item, dict) and isinstance(item.get("path"), str) else item for item in value
        ]
        if not all(isinstance(text, str) and "\x00" not in text for text in texts):
            raise InvalidRequestError(f"{self.path}/{name} must be an array of strings")
        return texts


async def read_fields(request: Request) -> Fields:
    """Return the fields of the body."""
    body = await request.body()
    value = parse_json(body) if body.strip() else {}
    if not isinstance(value, dict):
        raise InvalidRequestError("body must be object")
    return Fields(value)


def read_query_fields(request: Request) -> Fields:
    """Return the query parameters."""
    return Fields(request.query_params, "querystring")
