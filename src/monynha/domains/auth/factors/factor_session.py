"""The session in which a user manages second factors and passkeys, with the level it has and what it demands."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.errors import TokenSessionNotFoundError, TokenUserNotFoundError
from monynha.infra.postgres.database import Transaction

_LOCK_SESSION = "select aal from auth.sessions where id = $1 and user_id = $2 for update"


@dataclass(frozen=True, slots=True)
class FactorSession:
    """The user and session of a request; `claims_aal2` is what the token states of it."""

    user_id: UUID
    session_id: UUID
    claims_aal2: bool


@dataclass(frozen=True, slots=True)
class LockedSession:
    """The account and its session, both locked until the transaction ends, and whether the caller has aal2."""

    account: Account
    is_aal2: bool

    @property
    def lacks_aal2(self) -> bool:
        """Whether the user has a second factor that this session has not shown."""
        return self.account.has_second_factor and not self.is_aal2


async def lock_session(
    repository: AccountRepository, transaction: Transaction, session: FactorSession
) -> LockedSession:
    """Lock account and session, in this order; raise TokenUserNotFoundError or TokenSessionNotFoundError.

    A token of before the session was raised has less than the session: whoever holds it has not shown the factor.
    """
    account = await repository.find_for_update(transaction, session.user_id)
    if account is None:
        raise TokenUserNotFoundError()
    aal = await transaction.fetch_value(_LOCK_SESSION, session.session_id, session.user_id)
    if aal is None:
        raise TokenSessionNotFoundError()
    return LockedSession(account, session.claims_aal2 and aal != "aal1")
