"""Phone numbers: the normalized form in which they are stored and compared."""

from __future__ import annotations

import re

from monynha.core.errors import ValidationFailedError

_E164 = re.compile(r"[1-9][0-9]{1,14}")


def phone_digits(text: str) -> str:
    """Return a number without its plus sign and spaces, valid or not."""
    return text.replace(" ", "").removeprefix("+")


def normalize_phone(text: str) -> str:
    """Return a number as its digits, as GoTrue stores it: E.164 without the plus sign.

    Raise ValidationFailedError (`phone`) if it is not valid.
    """
    digits = phone_digits(text)
    if not _E164.fullmatch(digits):
        raise ValidationFailedError(phone="must be an international number (E.164), such as +15551234567")
    return digits
