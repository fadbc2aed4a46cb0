"""Errors: every class states what clients see, and a flood of invalid fields is cut."""

from __future__ import annotations

from collections.abc import Iterator

from monynha.core.errors import AppError, NotFoundError, RateLimitedError, ValidationFailedError


def subclasses(parent: type[AppError]) -> Iterator[type[AppError]]:
    for child in parent.__subclasses__():
        if child.__module__ == "monynha.core.errors":
            yield child
            yield from subclasses(child)


def test_every_error_has_a_status_a_code_and_a_sentence_of_its_own() -> None:
    classes = list(subclasses(AppError))

    assert len(classes) == len({cls.code for cls in classes}) == 18
    for cls in classes:
        assert 400 <= cls.status < 600
        assert cls.__doc__ is not None
        assert cls.__doc__.endswith(".")
        assert "\n" not in cls.__doc__, "the docstring is the message to the client"


def test_invalid_fields_are_named_up_to_fifty() -> None:
    error = ValidationFailedError.from_field_errors({f"field{number}": "is required" for number in range(200)})

    assert len(error.details) == 50
    assert error.details["field0"] == "is required"
    assert error.message.startswith("The validation of the request failed: field0, field1, ")
    assert "field50" not in error.message


def test_rate_limit_states_when_to_retry() -> None:
    error = RateLimitedError(retry_after_s=7, headers=(("X-Limit", "1"),))

    assert error.details == {"retryAfter": 7}
    assert error.headers == (("Retry-After", "7"), ("X-Limit", "1"))


def test_what_is_not_found_is_named_in_words() -> None:
    assert NotFoundError.for_name("project").message == "Project not found."
    assert NotFoundError.for_name("projectMember").message == "Project member not found."
