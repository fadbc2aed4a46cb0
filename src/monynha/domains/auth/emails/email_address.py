"""Email addresses: the normalized form in which they are stored and compared."""

from __future__ import annotations

from email_validator import EmailNotValidError, validate_email

from monynha.core.errors import ValidationFailedError

MAX_EMAIL_LENGTH = 255


def normalize_email(text: str) -> str:
    """Return an address in lower case and Unicode NFC; raise ValidationFailedError (`email`) if invalid."""
    try:
        # No DNS query, and names of a private network are valid: the program may run in one.
        validated = validate_email(
            text.strip()[: MAX_EMAIL_LENGTH + 1],
            check_deliverability=False,
            globally_deliverable=False,
            test_environment=True,
        )
    except EmailNotValidError:
        raise ValidationFailedError(email="must be a valid email address") from None
    email = validated.normalized.lower()
    if len(email) > MAX_EMAIL_LENGTH:
        raise ValidationFailedError(email=f"must be at most {MAX_EMAIL_LENGTH} characters")
    return email


def canonical_address(text: str) -> str:
    """Return what stands for an address or a phone number where attempts are counted.

    All ways to write an address give the same: a domain in wide letters is the domain. Text that is no address counts
    as it is written.
    """
    try:
        return normalize_email(text)
    except ValidationFailedError:
        return text.strip().lower()
