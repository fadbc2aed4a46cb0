"""Security notices: mails that tell the owner of an account what happened to it, whoever did it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from monynha.core.clock import Clock
from monynha.core.locales import DEFAULT_LOCALE
from monynha.core.request_context import RequestContext, current_request
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.devices import parse_device
from monynha.domains.auth.emails.auth_mailer import locale_of
from monynha.infra.mail import EMAIL_QUEUE, EmailPayload, enqueue_email
from monynha.infra.postgres.database import Transaction

_TEMPLATE = "security_notice"
_PRIORITY = 1
_MAX_DETAIL_LENGTH = 100
_TEXT_DETAILS = ("name", "new_email")


class SecurityNotice(StrEnum):
    """What happened; the values are the variants of the template."""

    NEW_DEVICE = "new_device"
    PASSWORD_CHANGED = "password_changed"
    EMAIL_CHANGED = "email_changed"
    PHONE_CHANGED = "phone_changed"
    FACTOR_ADDED = "factor_added"
    FACTOR_REMOVED = "factor_removed"
    TOKEN_CREATED = "token_created"
    IDENTITY_LINKED = "identity_linked"
    IDENTITY_UNLINKED = "identity_unlinked"
    APPLICATION_ALLOWED = "application_allowed"


@dataclass(frozen=True)
class SecurityNotices:
    """Queues notices; each is sent if and only if the transaction of what it reports commits.

    A notice has no link but that of the site: it must not sign anybody in, and cannot be told from a forged mail
    otherwise.
    """

    clock: Clock
    queue_name: str = EMAIL_QUEUE

    async def queue(
        self,
        transaction: Transaction,
        account: Account,
        notice: SecurityNotice,
        details: Mapping[str, object] | None = None,
        *,
        shows_client: bool = True,
    ) -> None:
        """Queue a notice to the account's address; nothing for an address that nobody has confirmed.

        For `email_changed` pass the account as it was, so that the former address gets the notice, and `new_email`.
        Shown are of `details` the `name` of a factor, token or provider and `new_email`, and the device and address of
        the current request, unless `shows_client` is False, as for what an admin did.
        """
        if not account.email or not account.is_verified:
            return
        data = {
            "locale": locale_of(account) or DEFAULT_LOCALE,
            "kind": notice.value,
            "at": self.clock().isoformat(),
            **{name: _short_text((details or {}).get(name)) for name in _TEXT_DETAILS},
            **_client_data(current_request() if shows_client else None),
        }
        payload = EmailPayload(account.email, _TEMPLATE, data)
        await enqueue_email(transaction, payload, queue=self.queue_name, priority=_PRIORITY)


def _short_text(value: object) -> str | None:
    return value[:_MAX_DETAIL_LENGTH] or None if isinstance(value, str) else None


def _client_data(request: RequestContext | None) -> dict[str, object]:
    """Return what the template shows of the client, null where it is not known."""
    device = parse_device(request.user_agent if request else "")
    return {"ip": (request and request.ip) or None, "browser": device.browser, "system": device.system}
