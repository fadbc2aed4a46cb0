"""Writes mail into a folder: one `.eml` file each, which any mail program reads."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.policy import SMTPUTF8
from pathlib import Path
from uuid import uuid4

from monynha.infra.mail.mailer import Mail, Mailer, to_message

_POLICY = SMTPUTF8.clone(linesep="\n", max_line_length=998, cte_type="8bit")
_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9-]")


@dataclass(frozen=True, slots=True)
class FolderMailer:
    """Writes each mail into a folder; the file names sort by time and end in the mail's id."""

    folder: Path
    sender: str = "Monynha <monynha@localhost>"

    async def send(self, mail: Mail) -> None:
        """Write the mail atomically, readable by the owner of the process only.

        A mail that was written before, at an earlier attempt, is written over. Raises MailRefusedError for an
        address or subject that would add a header.
        """
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        now = datetime.now(UTC)
        message = to_message(mail, self.sender, now, policy=_POLICY)
        # A mail may contain a link that signs its reader in: no other user of the machine may read it.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = _UNSAFE_CHARACTERS.sub("", mail.id) or uuid4().hex
        earlier_paths = (path for path in self.folder.glob("*.eml") if path.stem.partition("-")[2] == name)
        earlier = next(earlier_paths, None) if mail.id else None
        path = earlier or self.folder / f"{now:%Y%m%dT%H%M%S.%f}-{name}.eml"
        draft = path.with_name(f"{path.stem}-{uuid4().hex[:8]}.part")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.rename(path)


@dataclass(frozen=True, slots=True)
class CopyingMailer:
    """Keeps a copy of each mail in a folder, then sends it."""

    folder: FolderMailer
    mailer: Mailer

    async def send(self, mail: Mail) -> None:
        """Write the copy and send the mail; raise what the sending raises."""
        await self.folder.send(mail)
        await self.mailer.send(mail)
