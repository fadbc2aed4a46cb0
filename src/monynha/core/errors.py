"""The error tree: everything a request can fail with, by HTTP status and code.

    AppError
    ├── BadRequestError            400  the request cannot be parsed
    ├── UnauthenticatedError       401  no valid credentials
    ├── ForbiddenError             403  visible to the caller, but not allowed
    │   └── InsufficientAalError   403  only with a second factor
    ├── NotFoundError              404  absent, or not visible to the caller
    ├── MethodNotAllowedError      405
    ├── NotAcceptableError         406
    ├── RequestTimeoutError        408  the request arrived too slowly
    ├── ConflictError              409  existing data is in conflict with it
    ├── PreconditionFailedError    412  the row is not at the expected version
    ├── PayloadTooLargeError       413
    ├── UnsupportedMediaTypeError  415
    ├── RangeNotSatisfiableError   416  the requested range is beyond the end
    ├── ValidationFailedError      422  parsed, but not valid
    ├── RateLimitedError           429
    ├── HeadersTooLargeError       431
    ├── InternalError              500  a failure of ours
    └── UnavailableError           503  a server that we depend on does not respond

    SettingsError                  stops the start; never sent to a client

A class states its `status`, its `code` (part of the API) and, as its docstring, its default message to the client.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import ClassVar, Final

_MAX_REPORTED: Final = 50
"""How many fields an error names, so that a flood of mistakes does not make a huge response."""


class AppError(Exception):
    """Something went wrong.

    `message` and `details` are sent to the client; `field_errors` are details by the name of the field.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(
        self,
        message: str | None = None,
        *,
        details: dict[str, object] | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        **field_errors: str,
    ) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.details: dict[str, object] = {**(details or {}), **field_errors}
        self.headers = headers
        super().__init__(self.message)


class BadRequestError(AppError):
    """The request could not be parsed."""

    status = 400
    code = "BAD_REQUEST"


class UnauthenticatedError(AppError):
    """Sign in first: the access token is missing, expired or no longer valid."""

    status = 401
    code = "UNAUTHENTICATED"


class ForbiddenError(AppError):
    """You are not allowed to do this."""

    status = 403
    code = "FORBIDDEN"

    @classmethod
    def for_scopes(cls) -> ForbiddenError:
        """Return the error for what the token does not allow, though its owner may do it."""
        return cls("The scopes of the token do not allow this.")


class InsufficientAalError(ForbiddenError):
    """Confirm a second factor first: this needs a session with the assurance level aal2."""

    code = "INSUFFICIENT_AAL"


class NotFoundError(AppError):
    """Not found."""

    status = 404
    code = "NOT_FOUND"

    @classmethod
    def for_name(cls, name: str) -> NotFoundError:
        """Return the error for a thing that is named in camelCase: `Project not found.` for `project`."""
        words = "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name)
        return cls(f"{words.capitalize()} not found.")


class MethodNotAllowedError(AppError):
    """This method is not allowed here."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(headers=(("Allow", ", ".join(allowed)),))


class NotAcceptableError(AppError):
    """Only application/json is available here."""

    status = 406
    code = "NOT_ACCEPTABLE"


class ConflictError(AppError):
    """The request conflicts with existing data."""

    status = 409
    code = "CONFLICT"


class PreconditionFailedError(AppError):
    """It has changed since you read it."""

    status = 412
    code = "PRECONDITION_FAILED"


class PayloadTooLargeError(AppError):
    """The request is too large."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaTypeError(AppError):
    """Send the body as application/json."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class RangeNotSatisfiableError(AppError):
    """The requested range is not within the content."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"


class ValidationFailedError(AppError):
    """The validation of the request failed."""

    status = 422
    code = "VALIDATION_ERROR"

    @classmethod
    def from_field_errors(cls, field_errors: Mapping[str, object]) -> ValidationFailedError:
        """Return the error that names the invalid fields, at most 50 of them, each with its message."""
        reported = dict(islice(field_errors.items(), _MAX_REPORTED))
        return cls(f"The validation of the request failed: {', '.join(reported)}.", details=reported)


class RateLimitedError(AppError):
    """Too many requests, please try again later."""

    status = 429
    code = "RATE_LIMITED"

    def __init__(
        self, message: str | None = None, *, retry_after_s: int, headers: tuple[tuple[str, str], ...] = ()
    ) -> None:
        super().__init__(
            message,
            details={"retryAfter": retry_after_s},
            headers=(("Retry-After", str(retry_after_s)), *headers),
        )


class RequestTimeoutError(AppError):
    """The request took too long to arrive."""

    status = 408
    code = "REQUEST_TIMEOUT"


class HeadersTooLargeError(AppError):
    """The URL and headers of the request are too large."""

    status = 431
    code = "HEADERS_TOO_LARGE"


class InternalError(AppError):
    """Something went wrong on our side."""


class UnavailableError(AppError):
    """The service is temporarily unavailable, please try again."""

    status = 503
    code = "UNAVAILABLE"

    def __init__(self, message: str | None = None, *, retry_after_s: int = 1) -> None:
        super().__init__(message, headers=(("Retry-After", str(retry_after_s)),))


class SettingsError(Exception):
    """A setting, or the server it names, prevents the start.

    The message is one line for the operator and names the setting.
    """
