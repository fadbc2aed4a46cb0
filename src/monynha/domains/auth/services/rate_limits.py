"""Rate limits of auth: sign-in attempts, emails and text messages, anonymous sign-ins, and changes of an address."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from monynha.core.errors import RateLimitedError, UnavailableError
from monynha.core.settings.setting_types import Limit
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.emails.email_address import canonical_address
from monynha.domains.auth.errors import EmailRateLimitedError
from monynha.domains.auth.phone.errors import SmsRateLimitedError
from monynha.infra.valkey import address_digest

_PASSKEY_OPTIONS = Limit(300, 900)
"""Per IP address: a page that offers passkeys asks for a challenge whenever it is opened."""
_FACTOR_REQUESTS = Limit(300, 900)
_TOO_MANY_ATTEMPTS = "Too many authentication attempts, please try again later"
_SMS_IN_ALL_FACTOR = 10
_EVERYBODY = "all"
_AUTHORIZATION_LIMIT = Limit(300, 900)
_REGISTRATION_LIMIT = Limit(20, 3600)
_OAUTH_MESSAGE = "Too many requests of applications, please try again later"

HeaderPairs = tuple[tuple[str, str], ...]
"""The headers that tell a client what is left of a limit."""


class RateLimitCounter(Protocol):
    """What counts requests: `protocols.http.rate_limits`, which domains below their `http` do not import."""

    @property
    def auth_per_account(self) -> Limit | None:
        """The limit on sign-in attempts for one account; None if there is none."""

    def subject(self, client_ip: str) -> str:
        """Return the subject of windows that count a client IP: an IPv6 client counts as its /64."""

    async def count_sign_in(self, client_ip: str, account: str | None) -> HeaderPairs:
        """Count a sign-in attempt by client IP and by account; raise RateLimitedError over a limit."""

    async def is_first_rejection(self, client_ip: str) -> bool:
        """Whether no sign-in attempt of the client IP was rejected for as long as the limit lasts; count this one."""

    async def count(self, message: str, *windows: tuple[str, str, Limit | None]) -> HeaderPairs:
        """Count in windows `(subject, action, limit)`; raise RateLimitedError with the message."""


@dataclass(frozen=True)
class AuthRateLimits:
    """Counts what guesses at accounts or sends email; each method raises RateLimitedError over its limit."""

    counter: RateLimitCounter | None
    """What counts; None counts nothing."""

    email_interval: Limit | None
    repository: AccountRepository | None = None
    """Where rejections are recorded; None records none."""
    anonymous_per_ip: Limit | None = None
    sms_per_number: Limit | None = None
    sms_per_ip: Limit | None = None

    async def count_sign_in(self, client_ip: str, account: str | None, *, device_id: str | None = None) -> HeaderPairs:
        """Count a sign-in attempt or the like; return the rate limit headers of the response.

        The attempts of a device that is known to the account (`device_id`) are counted apart, so that nobody else can
        lock it out, at whatever address.
        """
        if self.counter is None:
            return ()
        try:
            if device_id is None:
                return await self.counter.count_sign_in(client_ip, account and canonical_address(account))
            return await self.counter.count(
                _TOO_MANY_ATTEMPTS, (device_id, "auth:device", self.counter.auth_per_account)
            )
        except RateLimitedError as error:
            await self._record_rejection(client_ip, error)
            raise

    @property
    def counts_devices(self) -> bool:
        """Whether the attempts of a known device are limited at all."""
        return self.counter is not None and self.counter.auth_per_account is not None

    async def count_passkey_options(self, client_ip: str) -> None:
        """Count a request for a passkey challenge, which anybody may make and which is stored for some minutes."""
        if self.counter is not None and self.counter.auth_per_account is not None:
            await self.counter.count(_TOO_MANY_ATTEMPTS, (self.counter.subject(client_ip), "passkey", _PASSKEY_OPTIONS))

    async def count_factor_request(self, user_id: UUID) -> None:
        """Count a request that manages factors or passkeys: each may write to the audit log."""
        if self.counter is not None and self.counter.auth_per_account is not None:
            await self.counter.count(_TOO_MANY_ATTEMPTS, (str(user_id), "factors", _FACTOR_REQUESTS))

    async def count_email(self, email: str) -> None:
        """Refuse a second email to an address within the interval, whether it is registered or not."""
        if self.counter is None:
            return
        try:
            await self.counter.count("", (address_digest(canonical_address(email)), "mail", self.email_interval))
        except RateLimitedError as error:
            raise EmailRateLimitedError(int(str(error.details["retryAfter"]))) from None

    async def count_sms(self, client_ip: str, phone: str) -> None:
        """Count a text message by its number, by who asks for it, and in all.

        Each costs money: numbers that charge for what they receive are asked for by the thousand.
        """
        if self.counter is None:
            return
        per_ip = self.sms_per_ip
        in_all = per_ip and Limit(_SMS_IN_ALL_FACTOR * per_ip.count, per_ip.window_s)
        try:
            await self.counter.count(
                "",
                (address_digest(canonical_address(phone)), "sms", self.sms_per_number),
                (self.counter.subject(client_ip), "sms", per_ip),
                (_EVERYBODY, "sms", in_all),
            )
        except RateLimitedError as error:
            raise SmsRateLimitedError(int(str(error.details["retryAfter"]))) from None

    async def count_anonymous(self, client_ip: str) -> HeaderPairs:
        """Count an anonymous sign-in by client IP; return the rate limit headers of the response."""
        if self.counter is None:
            return ()
        window = (self.counter.subject(client_ip), "anonymous", self.anonymous_per_ip)
        return await self.counter.count(_TOO_MANY_ATTEMPTS, window)

    async def count_email_change(self, user_id: UUID) -> None:
        """Count a change of address by its user, who could otherwise send email to any number of addresses."""
        if self.counter is not None:
            window = (str(user_id), "address", self.counter.auth_per_account)
            await self.counter.count(_TOO_MANY_ATTEMPTS, window)

    async def count_password_check(self, user_id: UUID) -> None:
        """Count a guess at the current password, or a new one, by whoever holds a session of the user."""
        if self.counter is not None:
            await self.counter.count(_TOO_MANY_ATTEMPTS, (str(user_id), "password", self.counter.auth_per_account))

    async def count_authorization(self, client_subject: str) -> None:
        """Count a request of an application for authorization, which stores a row without any sign-in."""
        if self.counter is not None and self.counter.auth_per_account is not None:
            await self.counter.count(_OAUTH_MESSAGE, (client_subject, "oauth", _AUTHORIZATION_LIMIT))

    async def count_registration(self, client_subject: str) -> None:
        """Count an application that registers itself."""
        if self.counter is not None and self.counter.auth_per_account is not None:
            await self.counter.count(_OAUTH_MESSAGE, (client_subject, "oauth-register", _REGISTRATION_LIMIT))

    async def _record_rejection(self, client_ip: str, error: RateLimitedError) -> None:
        """Record that an address is locked out, once while it lasts: a flood of attempts writes no flood of events."""
        if self.counter is None or self.repository is None or not await self.counter.is_first_rejection(client_ip):
            return
        details = {"retryAfter": error.details["retryAfter"]}
        # The attempt is rejected, whether that can be recorded or not.
        with suppress(UnavailableError):
            async with self.repository.transaction() as transaction:
                await record_audit_event(transaction, "sign_in.locked", actor_role="anon", details=details)
