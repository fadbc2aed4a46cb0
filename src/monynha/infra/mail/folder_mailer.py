"""Mail that goes to a folder: one `.eml` file each, readable by any mail program."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from pathlib import Path
from uuid import uuid4

from monynha.infra.mail.mailer import Mail

_POLICY = SMTPUTF8.clone(linesep="\n", max_line_length=998, cte_type="8bit")


@dataclass(frozen=True, slots=True)
class FolderMailer:
    """Writes each mail into a folder; names sort by time."""

    folder: Path
    sender: str = "Monynha <monynha@localhost>"

    async def send(self, mail: Mail) -> None:
        """Write the mail; a reader sees the whole of it or nothing."""
        await asyncio.to_thread(self._write, mail)

    def _write(self, mail: Mail) -> None:
        now = datetime.now(UTC)
        message = EmailMessage(policy=_POLICY)
        message["From"] = self.sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message.set_content(mail.text)
        # A mail holds links that sign somebody in: nobody else on the machine reads it.
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now:%Y%m%dT%H%M%S.%f}-{uuid4().hex[:8]}.eml"
        draft = path.with_suffix(".part")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(message.as_bytes())
        draft.rename(path)
