"""The mailbox: reads the mails that a `FolderMailer` has written."""

from __future__ import annotations

import asyncio
import base64
import email
import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

_ID = re.compile(r"[0-9A-Za-z.-]{1,200}")
_CONTENT_ID = re.compile(r"cid:([\w.-]+)")


@dataclass(frozen=True, slots=True)
class MailHeaders:
    """The headers of a stored mail, and the id under which it is read."""

    id: str
    headers: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str:
        """Return a header, empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


@dataclass(frozen=True, slots=True)
class StoredMail:
    """A stored mail: its headers, its two texts, and the file as it is."""

    headers: MailHeaders
    text: str
    html: str
    """With its inline images as data, so that it can be shown alone."""
    content: bytes


@dataclass(frozen=True)
class Mailbox:
    """The mails of a folder."""

    folder: Path

    async def newest(self, limit: int) -> list[MailHeaders]:
        """Return the headers of the newest mails, newest first."""
        return await asyncio.to_thread(lambda: list(self._newest(limit)))

    async def read(self, id: str) -> StoredMail | None:
        """Return a mail, or None if there is none with this id."""
        if not _ID.fullmatch(id):
            return None
        return await asyncio.to_thread(self._read, id)

    def _newest(self, limit: int) -> Iterator[MailHeaders]:
        parser = BytesParser(policy=email.policy.default)
        for path in sorted(self.folder.glob("*.eml"), reverse=True)[:limit]:
            with path.open("rb") as file:
                yield _headers_of(path.stem, parser.parse(file, headersonly=True))

    def _read(self, id: str) -> StoredMail | None:
        try:
            content = (self.folder / f"{id}.eml").read_bytes()
        except FileNotFoundError:
            return None
        message = email.message_from_bytes(content, policy=email.policy.default)
        return StoredMail(_headers_of(id, message), _text(message, "plain"), _html(message), content)


def _headers_of(id: str, message: EmailMessage) -> MailHeaders:
    return MailHeaders(id, tuple((name, str(value)) for name, value in message.items()))


def _text(message: EmailMessage, subtype: str) -> str:
    part = message.get_body((subtype,))
    return str(part.get_content()) if part is not None else ""


def _html(message: EmailMessage) -> str:
    images = {
        str(part["content-id"]).strip("<>"): part.get_content()
        for part in message.walk()
        if part["content-id"] and part.get_content_type() == "image/png"
    }

    def data_url(reference: re.Match[str]) -> str:
        image = images.get(reference[1])
        return reference[0] if image is None else "data:image/png;base64," + base64.b64encode(image).decode()

    return _CONTENT_ID.sub(data_url, _text(message, "html"))
