"""The endpoints of files that the declaration cannot derive.

Modules:
    form_upload  a file in a form, read while it arrives
    files        uploads, contents and thumbnails
    avatars      pictures of users
"""

from monynha.domains.files.http.avatars import AVATAR_DOCS, AvatarRoutes
from monynha.domains.files.http.files import FILE_DOCS, FileRoutes

__all__ = ["AVATAR_DOCS", "FILE_DOCS", "AvatarRoutes", "FileRoutes"]
