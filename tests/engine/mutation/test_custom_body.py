"""Bodies of operations that a domain defines itself: unknown, missing and invalid fields."""

from __future__ import annotations

import pytest

from monynha.app.composition.catalog import CATALOG
from monynha.core.errors import ValidationFailedError
from monynha.engine.mutation.custom_body import parse_custom_body, raise_field_errors

USERS = CATALOG.resources["users"]


def parse_number(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError("must be a number")
    return value


def parse_even(value: object) -> int:
    number = parse_number(value)
    if number % 2:
        raise ValidationFailedError(even="must be even")
    return number


PARSERS = {"number": parse_number, "even": parse_even}


def test_parsed_values_are_returned() -> None:
    values, errors = parse_custom_body(USERS, {"number": 1, "even": 2}, PARSERS)

    assert (values, errors) == ({"number": 1, "even": 2}, {})


def test_every_error_is_returned_with_the_valid_values() -> None:
    values, errors = parse_custom_body(USERS, {"number": 1, "even": 3, "id": 1, "x" * 200: 1}, PARSERS)

    assert values == {"number": 1}
    assert errors == {"even": "must be even", "id": "is read-only", "x" * 100: "is not known"}


@pytest.mark.parametrize(("body", "errors"), [({}, {"number", "even"}), ({"number": "1"}, {"number", "even"})])
def test_missing_and_invalid_fields_are_errors(body: object, errors: set[str]) -> None:
    assert parse_custom_body(USERS, body, PARSERS)[1].keys() == errors


def test_an_optional_field_may_be_missing() -> None:
    values, errors = parse_custom_body(USERS, {"even": 2}, PARSERS, optional=frozenset({"number"}))

    assert (values, errors) == ({"even": 2}, {})


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_a_body_that_is_no_object_is_rejected(body: object) -> None:
    with pytest.raises(ValidationFailedError, match="must be an object"):
        parse_custom_body(USERS, body, PARSERS)


def test_errors_are_raised_by_field() -> None:
    raise_field_errors({})

    with pytest.raises(ValidationFailedError) as raised:
        raise_field_errors({"number": "is required"})
    assert raised.value.details == {"number": "is required"}
