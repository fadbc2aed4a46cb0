"""Everything that can go wrong, as one tree.

    Fault
    ├── BadRequest            400  the request cannot be read
    ├── Unauthenticated       401  nobody known is asking
    ├── Forbidden             403  seen, but not allowed
    ├── NotFound              404  absent, or not to be known about
    ├── MethodNotAllowed      405
    ├── NotAcceptable         406
    ├── RequestTimeout        408  the request took too long to arrive
    ├── Conflict              409  what is there stands against it
    ├── PreconditionFailed    412  the row is not at the expected version
    ├── TooLarge              413
    ├── UnsupportedMediaType  415
    ├── Invalid               422  read and understood, but not valid
    ├── RateLimited           429
    ├── HeadTooLarge          431
    ├── Internal              500  our own failure
    └── Unavailable           503  a server we depend on is away

    WrongSetting              stops the start; never leaves over a protocol

A class states its `status`, its `code` (the word of the contract) and, as its docstring, its default message.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import ClassVar, Final

_MAX_REPORTED: Final = 50


class AppError(Exception):
    """Something went wrong."""

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
    """The request cannot be read."""

    status = 400
    code = "BAD_REQUEST"


class UnauthenticatedError(AppError):
    """Sign in first: the access token is missing, expired or no longer valid."""

    status = 401
    code = "UNAUTHENTICATED"


class ForbiddenError(AppError):
    """You may not do this."""

    status = 403
    code = "FORBIDDEN"


class NotFoundError(AppError):
    """There is no such thing, or you may not see it."""

    status = 404
    code = "NOT_FOUND"


class MethodNotAllowedError(AppError):
    """This address does not take that method."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: tuple[str, ...]) -> None:
        self.allowed = allowed
        super().__init__(headers=(("Allow", ", ".join(allowed)),))


class NotAcceptableError(AppError):
    """Only application/json can be answered here."""

    status = 406
    code = "NOT_ACCEPTABLE"


class ConflictError(AppError):
    """What is there already stands against it."""

    status = 409
    code = "CONFLICT"


class PreconditionFailedError(AppError):
    """It was changed since you read it."""

    status = 412
    code = "PRECONDITION_FAILED"


class PayloadTooLargeError(AppError):
    """The request is larger than allowed."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"


class UnsupportedMediaTypeError(AppError):
    """Send the body as application/json."""

    status = 415
    code = "UNSUPPORTED_MEDIA_TYPE"


class ValidationFailedError(AppError):
    """The validation of the request failed."""

    status = 422
    code = "VALIDATION_ERROR"

    @classmethod
    def from_field_errors(cls, field_errors: Mapping[str, object]) -> ValidationFailedError:
        """Name all that is wrong; of a flood only its beginning, lest the answer outgrow the request."""
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
    """The address and headers of the request are larger than allowed."""

    status = 431
    code = "HEADERS_TOO_LARGE"


class InternalError(AppError):
    """Something went wrong on our side."""


class UnavailableError(AppError):
    """The service cannot answer just now, please try again."""

    status = 503
    code = "UNAVAILABLE"

    def __init__(self, message: str | None = None, *, retry_after_s: int = 1) -> None:
        super().__init__(message, headers=(("Retry-After", str(retry_after_s)),))


class SettingsError(Exception):
    """A setting, or what it names, does not let the program start.

    The message is one line for the operator and names the setting.
    """
