"""Phone change service: changes an account's phone number at once, or after the new number has confirmed it."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.core.clock import Clock
from monynha.domains.audit import record_audit_event
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.metadata import with_provider
from monynha.domains.auth.emails.security_notices import SecurityNotice, SecurityNotices
from monynha.domains.auth.errors import AuthError, OtpExpiredError
from monynha.domains.auth.phone.errors import PhoneExistsError
from monynha.domains.auth.phone.text_messages import TextMessages
from monynha.domains.auth.tokens.one_time_tokens import ConsumedToken, OneTimeTokenStore, TokenKind
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_DELETE_TOKENS = "delete from auth.one_time_tokens where user_id = $1 and kind = any($2)"
_PHONE_KINDS = (TokenKind.PHONE_CONFIRMATION, TokenKind.PHONE_OTP, TokenKind.PHONE_CHANGE)


@dataclass(frozen=True, kw_only=True)
class PhoneChangeService:
    """Changes phone numbers: at once with `autoconfirm`, else by a code that the new number gets."""

    repository: AccountRepository
    one_time_tokens: OneTimeTokenStore
    messages: TextMessages
    security_notices: SecurityNotices
    clock: Clock
    autoconfirm: bool

    async def start(self, transaction: Transaction, account: Account, phone: str) -> Account:
        """Change the number, or queue the message with the code that confirms it.

        A registered number gets the response of a free one, but no code: only its owner could confirm. With
        `autoconfirm` it raises PhoneExistsError.
        """
        if phone == account.phone and account.is_phone_verified:
            return account
        if self.autoconfirm:
            return await self._set_phone(transaction, account, phone)
        await self.one_time_tokens.invalidate(transaction, account.id, (TokenKind.PHONE_CHANGE,))
        account = await self.repository.update(transaction, account, new_phone=phone, phone_change_sent_at=self.clock())
        await self.queue_code(transaction, account)
        await _record(transaction, "phone_change.requested", account)
        return account

    async def queue_code(self, transaction: Transaction, account: Account) -> None:
        """Queue the message with the code of a pending change."""
        phone = account.new_phone
        if phone is None:
            return
        owner = await self.repository.find_by_phone(transaction, phone)
        if owner is not None and owner.id != account.id:
            return
        token = await self.one_time_tokens.issue(
            transaction,
            account.id,
            TokenKind.PHONE_CHANGE,
            phone,
            code=self.messages.new_code(phone),
            ttl=self.messages.code_ttl,
        )
        await self.messages.queue_code(transaction, account, phone, token.code)

    async def confirm(self, transaction: Transaction, account: Account, token: ConsumedToken) -> Account | AuthError:
        """Change the number to the one that has confirmed; raise PhoneExistsError if it was registered meanwhile."""
        if account.new_phone is None or token.address != account.new_phone:
            return OtpExpiredError()
        return await self._set_phone(transaction, account, account.new_phone)

    async def _set_phone(self, transaction: Transaction, account: Account, phone: str) -> Account:
        await transaction.execute(_DELETE_TOKENS, account.id, [kind.value for kind in _PHONE_KINDS])
        await _record(transaction, "phone.changed", account)
        if not account.is_anonymous:
            await self.security_notices.queue(transaction, account, SecurityNotice.PHONE_CHANGED)
        try:
            return await self.repository.update(
                transaction,
                account,
                phone=phone,
                phone_confirmed_at=self.clock(),
                new_phone=None,
                app_metadata=with_provider(account.app_metadata, "phone"),
            )
        except ConstraintViolationError as error:
            if error.kind == "unique":
                raise PhoneExistsError() from None
            raise


async def _record(transaction: Transaction, action: str, account: Account) -> None:
    await record_audit_event(transaction, action, actor_id=account.id, target_type="user", target_id=str(account.id))
