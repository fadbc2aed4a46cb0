"""Sessions of the consent page: who is signed in there, by a cookie, and the proof that a form is the page's own."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from monynha.core.clock import Clock
from monynha.core.hashes import derive_key
from monynha.domains.auth.accounts.account import Account
from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.services.sessions import IssuedSession, SessionService, SignOutScope

TTL: Final = timedelta(hours=1)
"""How long the page keeps a person signed in; what they have approved is not affected by its end."""
_PURPOSE: Final = b"monynha consent page"
_NONCE_LENGTH: Final = 22
_MAX_COOKIE_LENGTH: Final = 200
_SELECT_SESSION: Final = """
select user_id, aal from auth.sessions
where id = $1 and oauth_client_id is null and (not_after is null or not_after > $2)
"""


@dataclass(frozen=True, slots=True)
class BrowserState:
    """What the page's cookie says: a random number of the browser, and the session of whoever is signed in."""

    nonce: str
    session_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class ConsentUser:
    """Who is signed in at the page."""

    account: Account
    session_id: UUID
    aal: str = "aal1"

    @property
    def owes_second_factor(self) -> bool:
        """Whether the account has a second factor that this session has not shown."""
        return self.aal == "aal1" and self.account.has_second_factor


class ConsentSessions:
    """Reads and writes the page's cookie; nothing in it is of use anywhere else."""

    def __init__(self, secret: str, repository: AccountRepository, sessions: SessionService, clock: Clock) -> None:
        self._key = derive_key(secret, _PURPOSE)
        self._repository = repository
        self._sessions = sessions
        self._clock = clock

    def new_state(self) -> BrowserState:
        """Return the state of a browser that has none."""
        return BrowserState(secrets.token_urlsafe(16))

    def decode(self, cookie: str) -> BrowserState | None:
        """Return the state in a cookie; None for one that this page has not written."""
        if len(cookie) > _MAX_COOKIE_LENGTH or not cookie.isascii():
            return None
        nonce, _, rest = cookie.partition(".")
        session_text, _, mac = rest.partition(".")
        if len(nonce) != _NONCE_LENGTH or not hmac.compare_digest(mac, self._mac("cookie", nonce, session_text)):
            return None
        return BrowserState(nonce, UUID(session_text) if session_text else None)

    def encode(self, state: BrowserState) -> str:
        """Return the cookie of a state."""
        session_text = "" if state.session_id is None else str(state.session_id)
        return f"{state.nonce}.{session_text}.{self._mac('cookie', state.nonce, session_text)}"

    def form_token(self, state: BrowserState, authorization_id: str) -> str:
        """Return what a form of the page carries, so that no other site can send one: it knows no cookie."""
        return self._mac("form", state.nonce, f"{state.session_id} {authorization_id}")

    def is_form_token(self, token: str, state: BrowserState, authorization_id: str) -> bool:
        """Whether a form is the page's own, in this browser, for this authorization and session."""
        return token.isascii() and hmac.compare_digest(token, self.form_token(state, authorization_id))

    def verifier(self, state: BrowserState) -> str:
        """Return the PKCE verifier with which a provider's sign-in comes back: of use in this browser alone."""
        return self._mac("verifier", state.nonce)

    async def begin(self, session: IssuedSession) -> BrowserState:
        """Return the state of a browser in which somebody has signed in; the session ends within the hour."""
        async with self._repository.transaction() as transaction:
            await transaction.execute(
                "update auth.sessions set not_after = $2 where id = $1", session.session_id, self._clock() + TTL
            )
        # A new number, so that nobody can have put theirs there before.
        return BrowserState(self.new_state().nonce, session.session_id)

    async def find_user(self, state: BrowserState) -> ConsentUser | None:
        """Return who is signed in, if their session is live and they are not banned."""
        if state.session_id is None:
            return None
        async with self._repository.transaction() as transaction:
            row = await transaction.fetch_row(_SELECT_SESSION, state.session_id, self._clock())
            account = await self._repository.find_by_id(transaction, row["user_id"]) if row else None
        if row is None or account is None or account.is_banned(self._clock()):
            return None
        return ConsentUser(account, state.session_id, row["aal"])

    async def end(self, user: ConsentUser) -> None:
        """Sign out of the page."""
        await self._sessions.sign_out(user.account.id, user.session_id, SignOutScope.LOCAL)

    def _mac(self, kind: str, *texts: str) -> str:
        message = "\x00".join((kind, *texts)).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
