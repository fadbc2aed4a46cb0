"""Text messages: the codes that a phone number gets, and the queue from which they are sent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from monynha.core.clock import Clock
from monynha.core.serialization import format_timestamp
from monynha.core.settings.account_settings import AccountSettings
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.phone.errors import SmsSendFailedError
from monynha.infra.postgres.database import Transaction
from monynha.infra.queue.enqueue import enqueue

SMS_QUEUE: Final = "sms"
_PRIORITY = 1
"""Somebody waits for the code."""


@dataclass(frozen=True, slots=True)
class SmsPayload:
    """A text message that is to be sent; `data` holds `otp`, `expires_at` and the `user` whom the hook is told."""

    to: str
    data: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class TextMessages:
    """Makes codes and queues the messages that carry them, each sent if and only if the transaction commits.

    A number of MONYNHA_SMS_TEST_OTPS has a code of its own, and gets no message.
    """

    has_hook: bool
    """Whether there is an address to post messages to."""
    test_codes: Mapping[str, str] = field(repr=False)
    code_ttl: timedelta
    clock: Clock
    queue: str = SMS_QUEUE

    @classmethod
    def from_settings(cls, settings: AccountSettings, clock: Clock, *, queue: str = SMS_QUEUE) -> TextMessages:
        """Return the messages of the settings."""
        return cls(
            has_hook=settings.sms_hook_url is not None,
            test_codes=dict(item.split("=") for item in settings.sms_test_otps),
            code_ttl=timedelta(seconds=settings.sms_code_ttl_s),
            clock=clock,
            queue=queue,
        )

    @property
    def reaches_any_number(self) -> bool:
        """Whether there is a number at all that a code can reach."""
        return self.has_hook or bool(self.test_codes)

    def require_reachable(self, phone: str) -> None:
        """Raise SmsSendFailedError if no message can reach the number; to be asked before any account is looked up."""
        if not self.has_hook and phone not in self.test_codes:
            raise SmsSendFailedError()

    def new_code(self, phone: str) -> str:
        """Return a code for the number: six random digits, or the code that a test number always has."""
        return self.test_codes.get(phone) or f"{secrets.randbelow(1_000_000):06}"

    async def queue_code(self, transaction: Transaction, account: Account, phone: str, code: str) -> None:
        """Queue the message that tells the number its code; a test number gets none.

        A message that would arrive after `code_ttl` is not sent.
        """
        if phone in self.test_codes:
            return
        expires_at = self.clock() + self.code_ttl
        data = {"otp": code, "expires_at": expires_at.isoformat(), "user": _hook_user(account)}
        await enqueue(transaction, self.queue, SmsPayload(phone, data), priority=_PRIORITY)


def _hook_user(account: Account) -> dict[str, object]:
    """Return what the hook is told of the account, by GoTrue's names."""
    return {
        "id": str(account.id),
        "email": account.email or "",
        "phone": account.phone or "",
        "new_phone": account.new_phone or "",
        "app_metadata": account.app_metadata,
        "user_metadata": account.user_metadata,
        "is_anonymous": account.is_anonymous,
        "created_at": format_timestamp(account.created_at),
    }
