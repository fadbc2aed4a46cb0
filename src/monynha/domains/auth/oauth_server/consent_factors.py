"""Second factors at the consent page: those that need no script, which are authenticator apps and recovery codes."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.factors.composition import SecondFactors
from monynha.domains.auth.factors.errors import VerificationFailedError
from monynha.domains.auth.factors.factor_service import Answer
from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.oauth_server.consent_sessions import ConsentUser
from monynha.domains.auth.services.sessions import ClientInfo

_TOTP_LENGTH = 6


@dataclass(frozen=True)
class ConsentFactors:
    """Raises the session of the page to aal2."""

    second_factors: SecondFactors

    def can_confirm(self, user: ConsentUser) -> bool:
        """Whether the person is asked for a code: they have a second factor, and one that the page can ask for.

        Who has security keys alone is not asked; what they allow then reaches only what aal1 reaches.
        """
        types = {factor.factor_type for factor in user.account.factors if factor.is_verified}
        return user.owes_second_factor and not types.isdisjoint((FactorType.TOTP, FactorType.RECOVERY_CODE))

    async def confirm(self, user: ConsentUser, text: str, client: ClientInfo) -> None:
        """Raise the session for a right code; raise an AppError for a wrong one, which is counted."""
        code = "".join(text.split())
        session = FactorSession(user.account.id, user.session_id, claims_aal2=False)
        if len(code) != _TOTP_LENGTH or not code.isdecimal():
            await self.second_factors.recovery_codes.verify(session, code, client)
            return
        factors = [factor for factor in user.account.factors if factor.is_verified]
        for factor in (factor for factor in factors if factor.factor_type is FactorType.TOTP):
            challenge = await self.second_factors.factors.challenge(session, factor.id)
            try:
                await self.second_factors.factors.verify(session, factor.id, challenge.id, Answer(code=code), client)
            except VerificationFailedError:
                continue
            return
        raise VerificationFailedError()
