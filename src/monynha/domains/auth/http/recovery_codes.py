"""Routes of the signed-in user's recovery codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.factors.recovery_codes import NewRecoveryCodes
from monynha.domains.auth.http.dependencies import count_sign_in_attempt
from monynha.domains.auth.http.factors import require_factor_session
from monynha.domains.auth.http.request_body import client_info, read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.token import session_response
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class RecoveryCodeRoutes:
    """Routes of a user's set of recovery codes."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/factors/recovery-codes", self._status),
            Route("POST", "/factors/recovery-codes", self._generate),
            Route("DELETE", "/factors/recovery-codes", self._unenrol),
            Route("POST", "/factors/recovery-codes/regenerate", self._regenerate),
            Route("POST", "/factors/recovery-codes/verify", self._verify),
        )

    async def _status(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        status = await self.auth.second_factors.recovery_codes.status(session)
        return auth_response(
            {
                "id": str(status.factor_id),
                "type": FactorType.RECOVERY_CODE.value,
                "total": status.total,
                "remaining": status.remaining,
            }
        )

    async def _generate(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        friendly_name = (await read_body(request)).text("friendly_name")
        return _codes_response(await self.auth.second_factors.recovery_codes.generate(session, friendly_name))

    async def _regenerate(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        return _codes_response(await self.auth.second_factors.recovery_codes.regenerate(session))

    async def _unenrol(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        return auth_response({"id": str(await self.auth.second_factors.recovery_codes.unenrol(session))})

    async def _verify(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        code = (await read_body(request)).text("code") or ""
        complete = partial(self._complete_verify, request, session, code)
        return await count_sign_in_attempt(self.auth, request, f"factors of {session.user_id}", complete)

    async def _complete_verify(self, request: Request, session: FactorSession, code: str) -> Response:
        issued = await self.auth.second_factors.recovery_codes.verify(session, code, client_info(request))
        return session_response(self.auth, issued)


def _codes_response(codes: NewRecoveryCodes) -> Response:
    body = {
        "id": str(codes.factor_id),
        "type": FactorType.RECOVERY_CODE.value,
        "friendly_name": codes.friendly_name,
        "total": len(codes.codes),
        "codes": codes.codes,
    }
    return auth_response(body)
