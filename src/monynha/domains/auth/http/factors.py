"""Routes of the signed-in user's second factors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from monynha.core.serialization import parse_uuid
from monynha.domains.auth.accounts.factor import FactorType
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.factors import totp
from monynha.domains.auth.factors.errors import (
    AnonymousUserError,
    InvalidFactorIdError,
    SessionRequiredError,
)
from monynha.domains.auth.factors.factor_service import Answer, Enrolment, EnrolRequest
from monynha.domains.auth.factors.factor_session import FactorSession
from monynha.domains.auth.http.dependencies import SignedInUser, count_sign_in_attempt, require_own_aal2, require_user
from monynha.domains.auth.http.request_body import RequestBody, client_info, read_body
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.token import session_response
from monynha.domains.auth.services.update_user import UserAttributes
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route

_ENROLLABLE = {kind.value: kind for kind in FactorType if kind is not FactorType.RECOVERY_CODE}
_CHANNELS = ("sms", "whatsapp")


@dataclass(frozen=True)
class FactorRoutes:
    """Routes of enrolment, challenges and verification."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("POST", "/factors", self._enrol),
            Route("POST", "/factors/{id}/challenge", self._challenge),
            Route("POST", "/factors/{id}/verify", self._verify),
            Route("DELETE", "/factors/{id}", self._unenrol),
        )

    async def _enrol(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        body = await read_body(request)
        factor_type = _ENROLLABLE.get(body.text("factor_type") or "")
        if factor_type is None:
            raise InvalidAuthRequestError("factor_type needs to be totp, phone, or webauthn")
        enrol_request = EnrolRequest(
            factor_type, body.text("friendly_name"), issuer=body.text("issuer"), phone=body.text("phone")
        )
        enrolment = await self.auth.second_factors.factors.enrol(session, enrol_request)
        return auth_response(_enrolment_json(enrol_request, enrolment))

    async def _challenge(self, request: Request) -> Response:
        user = await require_user(self.auth, request)
        session = _factor_session(user)
        factor_id = parse_factor_id(request)
        channel = (await read_body(request)).text("channel") or "sms"
        if channel not in _CHANNELS:
            raise InvalidAuthRequestError("Invalid channel, supported values are 'sms' or 'whatsapp'")
        for factor in user.account.factors:
            if factor.id == factor_id and factor.phone:
                await self.auth.rate_limits.count_sms(request.client_ip, factor.phone)
        challenge = await self.auth.second_factors.factors.challenge(session, factor_id)
        body: dict[str, object] = {
            "id": str(challenge.id),
            "type": challenge.factor_type.value,
            "expires_at": challenge.expires_at,
        }
        if challenge.webauthn_type is not None:
            body["webauthn"] = {"type": challenge.webauthn_type, "credential_options": challenge.webauthn_options}
        return auth_response(body)

    async def _verify(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        factor_id = parse_factor_id(request)
        body = await read_body(request)
        challenge_id = parse_uuid(body.required_text("challenge_id"))
        if challenge_id is None:
            raise InvalidAuthRequestError("challenge_id must be an UUID")
        complete = partial(self._complete_verify, request, session, factor_id, challenge_id, _answer(body))
        return await count_sign_in_attempt(self.auth, request, f"factors of {session.user_id}", complete)

    async def _complete_verify(
        self, request: Request, session: FactorSession, factor_id: UUID, challenge_id: UUID, answer: Answer
    ) -> Response:
        issued = await self.auth.second_factors.factors.verify(
            session, factor_id, challenge_id, answer, client_info(request)
        )
        return session_response(self.auth, issued)

    async def _unenrol(self, request: Request) -> Response:
        session = await require_factor_session(self.auth, request)
        factor_id = parse_factor_id(request)
        await self.auth.second_factors.factors.unenrol(session, factor_id)
        return auth_response({"id": str(factor_id)})


async def require_factor_session(auth: AuthServices, request: Request) -> FactorSession:
    """Return the session of a request that manages factors or passkeys; raise an AuthError for whom it cannot."""
    session = _factor_session(await require_user(auth, request))
    await auth.rate_limits.count_factor_request(session.user_id)
    return session


def _factor_session(user: SignedInUser) -> FactorSession:
    if user.account.is_anonymous:
        raise AnonymousUserError()
    if user.session_id is None:
        raise SessionRequiredError()
    return FactorSession(user.account.id, user.session_id, user.claims_aal2)


async def require_aal2_to_update(auth: AuthServices, user: SignedInUser, attributes: UserAttributes) -> None:
    """Raise AalTooLowToUpdateError for an account whose second factor was not shown.

    What needs it is a new password, address or phone number.
    """
    is_new_email = attributes.email is not None and attributes.email.strip().lower() != user.account.email
    is_new_phone = attributes.phone is not None and attributes.phone != user.account.phone
    if attributes.password is not None or is_new_email or is_new_phone:
        await require_own_aal2(auth, user)


def parse_factor_id(request: Request, name: str = "id") -> UUID:
    """Return the factor id in the path; InvalidFactorIdError if it is malformed."""
    factor_id = parse_uuid(request.path_params[name])
    if factor_id is None:
        raise InvalidFactorIdError()
    return factor_id


def _enrolment_json(request: EnrolRequest, enrolment: Enrolment) -> dict[str, object]:
    body: dict[str, object] = {
        "id": str(enrolment.factor_id),
        "type": request.factor_type.value,
        "friendly_name": request.friendly_name or "",
    }
    if enrolment.uri is not None:
        body["totp"] = {
            "qr_code": totp.qr_code_svg(enrolment.uri),
            "secret": enrolment.secret,
            "uri": enrolment.uri,
        }
    if enrolment.phone is not None:
        body["phone"] = enrolment.phone
    return body


def _answer(body: RequestBody) -> Answer:
    webauthn = body.json_object("webauthn")
    if webauthn is None:
        code = body.text("code")
        if code is None:
            raise InvalidAuthRequestError("Code needs to be non-empty")
        return Answer(code)
    if webauthn.get("type") not in ("create", "request"):
        raise InvalidAuthRequestError("WebAuthn type must be create or request")
    credential = webauthn.get("credential_response")
    if not isinstance(credential, Mapping):
        raise InvalidAuthRequestError("credential_response required")
    return Answer(webauthn_type=str(webauthn["type"]), credential=credential)
