"""The errors of /storage/v1, with the words of Supabase Storage that official clients read.

A class states its `status` (which the wire sends as the text `statusCode`), its `code`, its `title` (the wire's
`error`) and, as its docstring, its default message.
"""

from __future__ import annotations

from typing import ClassVar

from monynha.core.errors import AppError


class StorageError(AppError):
    """Something went wrong."""

    title: ClassVar[str] = "InternalError"


class BucketNotFoundError(StorageError):
    """Bucket not found"""

    status = 404
    code = "NoSuchBucket"
    title = "Bucket not found"


class ObjectNotFoundError(StorageError):
    """Object not found"""

    status = 404
    code = "NoSuchKey"
    title = "not_found"


class UploadNotFoundError(StorageError):
    """Upload not found"""

    status = 404
    code = "NoSuchUpload"
    title = "NoSuchUpload"


class UploadExpiredError(StorageError):
    """The upload has expired"""

    status = 410
    code = "NoSuchUpload"
    title = "NoSuchUpload"


class ObjectExistsAlreadyError(StorageError):
    """The resource already exists"""

    status = 409
    code = "KeyAlreadyExists"
    title = "Duplicate"


class BucketExistsAlreadyError(StorageError):
    """The resource already exists"""

    status = 409
    code = "BucketAlreadyExists"
    title = "Duplicate"


class BucketNotEmptyError(StorageError):
    """The bucket you tried to delete is not empty"""

    status = 409
    code = "ResourceNotEmpty"
    title = "ResourceNotEmpty"


class UploadConflictError(StorageError):
    """Upload-Offset conflict"""

    status = 409
    code = "TusError"
    title = "TusError"


class UploadLockedError(StorageError):
    """The upload is being written by another request"""

    status = 423
    code = "ResourceLocked"
    title = "ResourceLocked"


class AccessDeniedError(StorageError):
    """new row violates row-level security policy"""

    status = 403
    code = "AccessDenied"
    title = "Unauthorized"


class MissingAuthorizationError(StorageError):
    """headers must have required property 'authorization'"""

    status = 400
    code = "InvalidRequest"
    title = "Error"


class InvalidRequestError(StorageError):
    """Invalid Request"""

    status = 400
    code = "InvalidRequest"
    title = "Error"


class UnsupportedImageError(StorageError):
    """The source image is invalid or unsupported for rendering"""

    status = 400
    code = "InvalidRequest"
    title = "InvalidRequest"


class InvalidJwtError(StorageError):
    """Invalid JWT"""

    status = 400
    code = "InvalidJWT"
    title = "InvalidJWT"


class InvalidSignatureError(StorageError):
    """Invalid signature"""

    status = 400
    code = "InvalidSignature"
    title = "InvalidSignature"


class InvalidKeyError(StorageError):
    """Invalid key"""

    status = 400
    code = "InvalidKey"
    title = "InvalidKey"

    def __init__(self, key: str) -> None:
        printable = "".join(letter if letter.isprintable() else "?" for letter in key[:200])
        super().__init__(f"Invalid key: {printable}")


class InvalidBucketNameError(StorageError):
    """Bucket name invalid"""

    status = 400
    code = "InvalidBucketName"
    title = "Invalid Input"


class EntityTooLargeError(StorageError):
    """The object exceeded the maximum allowed size"""

    status = 413
    code = "EntityTooLarge"
    title = "Payload too large"


class InvalidMimeTypeError(StorageError):
    """The media type is not supported"""

    status = 415
    code = "InvalidMimeType"
    title = "invalid_mime_type"

    def __init__(self, mimetype: str) -> None:
        printable = "".join(letter for letter in mimetype[:200] if letter.isprintable())
        super().__init__(f"mime type {printable} is not supported")


class InvalidRangeError(StorageError):
    """The requested range is not within the object"""

    status = 416
    code = "InvalidRange"
    title = "invalid_range"


class TusProtocolError(StorageError):
    """The request does not follow the protocol for resumable uploads"""

    status = 400
    code = "TusError"
    title = "TusError"


class TusVersionError(TusProtocolError):
    """Tus-Resumable Required"""

    status = 412


class TusContentTypeError(TusProtocolError):
    """Content-Type header required: application/offset+octet-stream"""

    status = 415
