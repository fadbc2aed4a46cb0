"""Admin factors: what the holder of the service key does with the factors of a user."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.clock import Clock
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.accounts.factor import Factor, FactorType
from monynha.domains.auth.errors import InvalidAuthRequestError, UserNotFoundError
from monynha.domains.auth.factors.errors import FactorNotFoundError
from monynha.domains.auth.factors.events import FactorEvents
from monynha.domains.auth.factors.factor_repository import FactorRepository
from monynha.domains.auth.factors.factor_service import check_name, name_error, report_removal
from monynha.domains.auth.factors.phone_codes import normalize_phone
from monynha.infra.postgres.database import Transaction
from monynha.infra.postgres.errors import ConstraintViolationError

_UPDATE = """
update auth.factors set friendly_name = coalesce($3, friendly_name), phone = coalesce($4, phone), updated_at = $5
where id = $1 and user_id = $2
"""


@dataclass(frozen=True, kw_only=True)
class AdminFactorService:
    """Lists, renames and deletes factors. Its callers have checked that the client holds the service key."""

    repository: AccountRepository
    factors: FactorRepository
    events: FactorEvents
    clock: Clock

    async def list_factors(self, user_id: UUID) -> tuple[Factor, ...]:
        """Return the factors of a user; raise UserNotFoundError."""
        async with self.repository.transaction() as transaction:
            account = await self.repository.find_by_id(transaction, user_id)
        if account is None:
            raise UserNotFoundError()
        return account.factors

    async def delete(self, user_id: UUID, factor_id: UUID) -> Factor:
        """Delete a factor and return it; sessions that reached aal2 by it go back to aal1."""
        async with self.repository.transaction() as transaction:
            account = await self._lock_account(transaction, user_id)
            factor = _find(account, factor_id)
            locked = await self.factors.lock(transaction, factor_id, user_id)
            if locked is None:
                raise FactorNotFoundError()
            await self.factors.delete(transaction, factor_id)
            await report_removal(self.events, transaction, account, locked, is_by_admin=True)
        return factor

    async def update(self, user_id: UUID, factor_id: UUID, friendly_name: str | None, phone: str | None) -> Factor:
        """Change the name of a factor, and the number of a phone factor; return it."""
        name, new_phone = check_name(friendly_name), None
        async with self.repository.transaction() as transaction:
            account = await self._lock_account(transaction, user_id)
            factor = _find(account, factor_id)
            if phone and factor.factor_type is FactorType.PHONE:
                new_phone = normalize_phone(phone)
                if new_phone is None:
                    raise InvalidAuthRequestError("Invalid phone number format (E.164 required)")
            try:
                await transaction.execute(_UPDATE, factor_id, user_id, name, new_phone, self.clock())
            except ConstraintViolationError as violation:
                raise name_error(violation, name) from None
            details = {"factor_id": factor.id, "factor_type": factor.factor_type.value}
            await self.events.record(transaction, "factor.updated", account, details, is_by_admin=True)
            return _find(await self._lock_account(transaction, user_id), factor_id)

    async def _lock_account(self, transaction: Transaction, user_id: UUID) -> Account:
        account = await self.repository.find_for_update(transaction, user_id)
        if account is None:
            raise UserNotFoundError()
        return account


def _find(account: Account, factor_id: UUID) -> Factor:
    for factor in account.factors:
        if factor.id == factor_id:
            return factor
    raise FactorNotFoundError()
