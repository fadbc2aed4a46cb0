"""Anonymous user service: accounts without credentials, which their users make permanent later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monynha.domains.auth.accounts.account_events import record_own_event
from monynha.domains.auth.accounts.account_repository import AccountRepository, NewAccount
from monynha.domains.auth.errors import AuthError
from monynha.domains.auth.services.sessions import ClientInfo, IssuedSession, SessionService
from monynha.domains.auth.services.sign_up_gate import SignUpGate


class AnonymousSignInDisabledError(AuthError):
    """Anonymous sign-ins are disabled"""

    status = 422
    code = "anonymous_provider_disabled"


@dataclass(frozen=True, kw_only=True)
class AnonymousUserService:
    """Signs in anonymous users: each time a new account, which only its session reaches.

    A confirmed address, phone number or identity makes the account permanent and keeps its id. What an anonymous user
    may see and do is decided by `auth.is_anonymous()` in the policies.
    """

    repository: AccountRepository
    sessions: SessionService
    is_enabled: bool
    gate: SignUpGate

    def require_enabled(self) -> None:
        """Raise SignUpDisabledError or AnonymousSignInDisabledError where nobody gets such an account."""
        self.gate.require_open_to_all()
        if not self.is_enabled:
            raise AnonymousSignInDisabledError()

    async def sign_in(self, metadata: Mapping[str, object], client: ClientInfo) -> IssuedSession:
        """Create an account and its first session."""
        self.require_enabled()
        new_account = NewAccount(None, user_metadata=metadata, is_anonymous=True, has_sign_up_claims=False)
        async with self.repository.transaction() as transaction:
            account = await self.repository.insert(transaction, new_account)
            # A new id and no address: nothing that another account could have.
            assert account is not None
            await record_own_event(transaction, "user.signed_up", account)
            return await self.sessions.create_in(transaction, account, client, method="anonymous")
