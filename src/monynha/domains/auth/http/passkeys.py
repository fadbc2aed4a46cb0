"""Routes of passkeys: registration, sign-in and management by their user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from monynha.core.serialization import format_timestamp, parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.factors.errors import PasskeyNotFoundError
from monynha.domains.auth.http.dependencies import count_sign_in_attempt
from monynha.domains.auth.http.factors import require_factor_session
from monynha.domains.auth.http.request_body import RequestBody, client_info, read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.token import session_response
from monynha.domains.auth.passkeys.passkey import Passkey
from monynha.domains.auth.passkeys.passkey_service import PasskeyOptions
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class PasskeyRoutes:
    """Routes of passkeys; each is a 404 where this site can have none."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", "/passkeys/registration/options", self._begin_registration),
            Route("POST", "/passkeys/registration/verify", self._complete_registration),
            Route("POST", "/passkeys/authentication/options", self._begin_sign_in),
            Route("POST", "/passkeys/authentication/verify", self._complete_sign_in),
            Route("GET", "/passkeys", self._list),
            Route("PATCH", "/passkeys/{id}", self._rename),
            Route("DELETE", "/passkeys/{id}", self._delete),
        )

    async def _begin_registration(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        session = await require_factor_session(self.auth, request)
        return _options_response(await passkeys.begin_registration(session))

    async def _complete_registration(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        session = await require_factor_session(self.auth, request)
        challenge_id, credential = _answer(await read_body(request))
        return auth_response(passkey_json(await passkeys.complete_registration(session, challenge_id, credential)))

    async def _begin_sign_in(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        await self.auth.rate_limits.count_passkey_options(request.client_ip)
        return _options_response(await passkeys.begin_sign_in())

    async def _complete_sign_in(self, request: Request) -> Response:
        self.auth.second_factors.passkeys.require_enabled()
        challenge_id, credential = _answer(await read_body(request))
        complete = partial(self._sign_in, request, challenge_id, credential)
        return await count_sign_in_attempt(self.auth, request, None, complete)

    async def _sign_in(self, request: Request, challenge_id: UUID, credential: Mapping[str, Any]) -> Response:
        passkeys = self.auth.second_factors.passkeys
        issued = await passkeys.complete_sign_in(challenge_id, credential, client_info(request))
        return session_response(self.auth, issued)

    async def _list(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        session = await require_factor_session(self.auth, request)
        return auth_response([passkey_json(passkey) for passkey in await passkeys.list_passkeys(session.user_id)])

    async def _rename(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        session = await require_factor_session(self.auth, request)
        name = (await read_body(request)).required_text("friendly_name")
        return auth_response(passkey_json(await passkeys.rename(session, parse_passkey_id(request), name)))

    async def _delete(self, request: Request) -> Response:
        passkeys = self.auth.second_factors.passkeys
        passkeys.require_enabled()
        session = await require_factor_session(self.auth, request)
        await passkeys.delete(session, parse_passkey_id(request))
        return Response(204)


def passkey_json(passkey: Passkey) -> dict[str, object]:
    """Return a passkey as its user and admins see it."""
    body: dict[str, object] = {
        "id": str(passkey.id),
        "friendly_name": passkey.friendly_name,
        "created_at": format_timestamp(passkey.created_at),
    }
    if passkey.last_used_at is not None:
        body["last_used_at"] = format_timestamp(passkey.last_used_at)
    return body


def parse_passkey_id(request: Request, name: str = "id") -> UUID:
    """Return the passkey id in the path; PasskeyNotFoundError if it is malformed."""
    passkey_id = parse_uuid(request.path_params[name])
    if passkey_id is None:
        raise PasskeyNotFoundError()
    return passkey_id


def _options_response(options: PasskeyOptions) -> Response:
    body = {"challenge_id": str(options.challenge_id), "options": options.options, "expires_at": options.expires_at}
    return auth_response(body)


def _answer(body: RequestBody) -> tuple[UUID, Mapping[str, Any]]:
    challenge_id = parse_uuid(body.required_text("challenge_id"))
    if challenge_id is None:
        raise InvalidAuthRequestError("challenge_id must be a valid UUID")
    credential = body.json_object("credential")
    if credential is None:
        raise InvalidAuthRequestError("credential is required")
    return challenge_id, credential
