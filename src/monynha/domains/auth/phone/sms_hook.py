"""The send-SMS hook: posts each text message of the queue to the operator's address.

The body is that of GoTrue's hook, `{"user": {…}, "sms": {"otp", "phone"}}`, so that a function written for that works.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from monynha.core.clock import Clock
from monynha.core.settings.account_settings import AccountSettings, decode_hook_secret
from monynha.domains.auth.phone.text_messages import SMS_QUEUE, SmsPayload
from monynha.infra.queue.job import Job, JobHandler, PermanentJobError, TemporaryJobError
from monynha.infra.webhook import Webhook, WebhookResponse, WebhookUnreachableError

_ATTEMPT_TIMEOUT_S: Final = 20.0
_TEMPORARY_STATUSES: Final = (408, 425, 429)


@dataclass(frozen=True)
class SmsHook:
    """Sends the text messages of the queue; the `webhook-id` of each is the id of its job."""

    webhook: Webhook | None
    clock: Clock

    @classmethod
    def from_settings(cls, settings: AccountSettings, clock: Clock) -> SmsHook:
        """Return the hook of the settings."""
        url = settings.sms_hook_url
        keys = [decode_hook_secret(secret) for secret in settings.sms_hook_secrets]
        return cls(Webhook(url, keys) if url else None, clock)

    def handler(self) -> JobHandler[SmsPayload]:
        """Return the handler of the queue."""
        return JobHandler(SMS_QUEUE, SmsPayload, self.send, timeout_s=_ATTEMPT_TIMEOUT_S)

    async def send(self, job: Job[SmsPayload]) -> None:
        """Post one message.

        Raises TemporaryJobError if another attempt may succeed, else PermanentJobError.
        """
        data = job.payload.data
        if datetime.fromisoformat(str(data.get("expires_at"))) <= self.clock():
            raise PermanentJobError("The code in the text message has expired.")
        if self.webhook is None:
            raise PermanentJobError("MONYNHA_SMS_HOOK_URL is not set.")
        body = orjson.dumps(
            {"user": data.get("user"), "sms": {"otp": data.get("otp"), "phone": job.payload.to, "sms_type": "sms"}}
        )
        try:
            response = await self.webhook.post(str(job.id), int(self.clock().timestamp()), body)
        except WebhookUnreachableError as error:
            raise TemporaryJobError(f"The text message was not sent: {error}.") from None
        _raise_for_failure(response)


def _raise_for_failure(response: WebhookResponse) -> None:
    """Raise unless the message was taken.

    As GoTrue's hooks, a receiver may also answer 200 with `{"error": {"http_code", "message"}}`. Its texts are not
    repeated: they may quote the number or the code.
    """
    status = response.status
    if 200 <= status < 300:
        status = _status_of_error(response.body) or status
    if 200 <= status < 300:
        return
    message = f"The hook answered with status {status}."
    if status in _TEMPORARY_STATUSES or status >= 500:
        raise TemporaryJobError(message)
    raise PermanentJobError(message)


def _status_of_error(body: bytes) -> int | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    error = answer.get("error") if isinstance(answer, dict) else None
    if not error:
        return None
    http_code = error.get("http_code") if isinstance(error, Mapping) else None
    return http_code if type(http_code) is int and 400 <= http_code < 600 else 500
