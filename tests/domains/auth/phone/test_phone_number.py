"""Phone numbers: one stored form for all the ways in which a number is written."""

from __future__ import annotations

import pytest

from monynha.core.errors import ValidationFailedError
from monynha.domains.auth.phone.phone_number import normalize_phone, phone_digits


@pytest.mark.parametrize(
    "text", ["+491701234567", "491701234567", "+49 170 1234567", " 491701234567 ", "49 1701234567"]
)
def test_a_number_is_stored_as_its_digits(text: str) -> None:
    assert normalize_phone(text) == "491701234567"


@pytest.mark.parametrize(
    "text",
    ["", "+", "0123456789", "+0123456", "1", "1234567890123456", "12a4", "++491701234567", "491701234567-invalid",
     "49170\n1234567", "٤٩١٧٠١٢٣٤", "49-170-1234567", "4917012\x0034567"],
)  # fmt: skip
def test_anything_else_is_refused_by_the_name_of_the_field(text: str) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        normalize_phone(text)

    assert refused.value.details.keys() == {"phone"}


def test_attempts_at_a_number_are_counted_together_however_it_is_written() -> None:
    texts = ["+491701234567", "491701234567", "+49 170 123 4567", "4 9 1 7 0 1 2 3 4 5 6 7", " +491701234567"]

    assert {phone_digits(text) for text in texts} == {"491701234567"}
