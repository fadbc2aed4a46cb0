"""Admin routes of second factors and passkeys, for the holder of the service key alone."""

from __future__ import annotations

from dataclasses import dataclass

from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.http.dependencies import parse_user_id, require_service_key
from monynha.domains.auth.http.factors import parse_factor_id
from monynha.domains.auth.http.passkeys import parse_passkey_id, passkey_json
from monynha.domains.auth.http.request_body import read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import factor_json
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class AdminFactorRoutes:
    """Routes that manage the second factors and passkeys of all users."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/admin/users/{id}/factors", self._list_factors),
            Route("PUT", "/admin/users/{id}/factors/{factor}", self._update_factor),
            Route("DELETE", "/admin/users/{id}/factors/{factor}", self._delete_factor),
            Route("GET", "/admin/users/{id}/passkeys", self._list_passkeys),
            Route("DELETE", "/admin/users/{id}/passkeys/{passkey}", self._delete_passkey),
        )

    async def _list_factors(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        factors = await self.auth.second_factors.admin.list_factors(parse_user_id(request))
        return auth_response([factor_json(factor) for factor in factors])

    async def _update_factor(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id, factor_id = parse_user_id(request), parse_factor_id(request, "factor")
        body = await read_body(request)
        factor = await self.auth.second_factors.admin.update(
            user_id, factor_id, body.text("friendly_name"), body.text("phone")
        )
        return auth_response(factor_json(factor))

    async def _delete_factor(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id, factor_id = parse_user_id(request), parse_factor_id(request, "factor")
        return auth_response(factor_json(await self.auth.second_factors.admin.delete(user_id, factor_id)))

    async def _list_passkeys(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id = parse_user_id(request)
        await self.auth.admin.get(user_id)
        passkeys = await self.auth.second_factors.passkeys.list_passkeys(user_id)
        return auth_response([passkey_json(passkey) for passkey in passkeys])

    async def _delete_passkey(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id, passkey_id = parse_user_id(request), parse_passkey_id(request, "passkey")
        await self.auth.second_factors.passkeys.delete_for(user_id, passkey_id)
        return Response(204)
