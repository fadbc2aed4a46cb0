"""Parse bodies of operations that a domain defines itself: named fields, each with its own parser."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from monynha.core.errors import ValidationFailedError
from monynha.engine.mutation.validation import require_object
from monynha.engine.schema.resource import Resource

FieldParser = Callable[[object], object]
"""Return the value to use; raise ValueError or ValidationFailedError if the value of the body is invalid."""
FieldErrors = dict[str, object]
"""What is wrong with a body, by the name of the field."""


def parse_custom_body(
    resource: Resource,
    body: object,
    parsers: Mapping[str, FieldParser],
    *,
    optional: frozenset[str] = frozenset(),
) -> tuple[dict[str, object], FieldErrors]:
    """Return the values of a body that holds no fields but those of `parsers`, and its errors.

    Both are returned, so that the caller can add errors of its own before it calls `raise_field_errors`.

    Raises ValidationFailedError if the body is not an object.
    """
    body_fields = require_object(body)
    errors: FieldErrors = {
        str(name)[:100]: "is read-only" if name in resource.fields else "is not known"
        for name in body_fields
        if name not in parsers
    }
    values: dict[str, object] = {}
    for name, parse in parsers.items():
        if name not in body_fields:
            if name not in optional:
                errors[name] = "is required"
            continue
        try:
            values[name] = parse(body_fields[name])
        except ValueError as error:
            errors[name] = str(error)
        except ValidationFailedError as error:
            errors |= error.details
    return values, errors


def raise_field_errors(errors: FieldErrors) -> None:
    """Raise ValidationFailedError with the errors by field, if there are any."""
    if errors:
        raise ValidationFailedError.from_field_errors(errors)
