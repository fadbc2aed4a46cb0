"""Email jobs: mails that wait in the queue `email`, and the handler that renders and sends them."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from monynha.core.clock import Clock
from monynha.core.locales import DEFAULT_LOCALE
from monynha.infra.mail.mailer import Mail, MailDelayedError, Mailer, MailRefusedError
from monynha.infra.mail.template_errors import MailTemplateError
from monynha.infra.mail.templates import MailTemplates
from monynha.infra.postgres.database import Transaction
from monynha.infra.queue.enqueue import enqueue
from monynha.infra.queue.job import Job, JobHandler, PermanentJobError, TemporaryJobError

EMAIL_QUEUE: Final = "email"


@dataclass(frozen=True, slots=True)
class EmailPayload:
    """A mail that is to be sent: `template` is rendered with `data`; `subject` replaces the template's own.

    These keys of `data` have a meaning for every template, and none is required: `locale`; `expires_at`, a time (ISO
    8601) after which the mail is not sent any more; `unsubscribe_path`, a path of the site that ends mails of this
    kind; `images`, PNG images in base64 by content id. Links are paths too, so that they lead nowhere else.
    """

    to: str
    template: str
    data: Mapping[str, object]
    subject: str | None = None


async def enqueue_email(
    transaction: Transaction, payload: EmailPayload, *, queue: str = EMAIL_QUEUE, priority: int = 0
) -> None:
    """Queue a mail, which is sent once the transaction commits; those for which somebody waits have a priority."""
    await enqueue(transaction, queue, payload, priority=priority)


@dataclass(frozen=True)
class EmailSender:
    """Renders and sends the mails of the queue; the Message-ID of each is that of its job."""

    templates: MailTemplates
    mailer: Mailer
    clock: Clock

    def handler(self) -> JobHandler[EmailPayload]:
        """Return the handler of the queue."""
        return JobHandler(EMAIL_QUEUE, EmailPayload, self.send)

    async def send(self, job: Job[EmailPayload]) -> None:
        """Send one mail.

        Raises TemporaryJobError if it may be sent at another attempt, else PermanentJobError.
        """
        data = job.payload.data
        if self._is_expired(data):
            raise PermanentJobError("The link in the mail has expired.")
        if not self.templates.is_loaded:
            await asyncio.to_thread(self.templates.load)
        try:
            await self.mailer.send(self._mail(str(job.id), job.payload))
        except MailTemplateError as error:
            raise PermanentJobError(f"The mail cannot be written: {error}.") from None
        except MailRefusedError as error:
            raise PermanentJobError(f"The mail was refused: {error}.") from None
        except MailDelayedError as error:
            raise TemporaryJobError(f"The mail was not sent: {error}.") from None

    def _mail(self, id: str, payload: EmailPayload) -> Mail:
        data = payload.data
        rendered = self.templates.render(
            payload.template, str(data.get("locale") or DEFAULT_LOCALE), data, subject=payload.subject
        )
        path = data.get("unsubscribe_path")
        return Mail(
            payload.to,
            rendered.subject,
            rendered.text,
            rendered.html,
            id=id,
            unsubscribe_url=self.templates.link(path) if isinstance(path, str) else "",
            inline_images=_decode_images(data.get("images")),
        )

    def _is_expired(self, data: Mapping[str, object]) -> bool:
        expires_at = data.get("expires_at")
        return isinstance(expires_at, str) and datetime.fromisoformat(expires_at) <= self.clock()


def _decode_images(images: object) -> dict[str, bytes]:
    if not isinstance(images, Mapping):
        return {}
    try:
        return {str(content_id): base64.b64decode(image, validate=True) for content_id, image in images.items()}
    except (binascii.Error, TypeError, ValueError):
        raise PermanentJobError("An image of the mail is not base64.") from None
