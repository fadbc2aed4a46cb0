"""Routes of back offices, for the holder of the service key alone."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from monynha.core.errors import ConflictError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.emails.email_templates import LINK_TYPES
from monynha.domains.auth.errors import InvalidAuthRequestError, InvalidUserIdError
from monynha.domains.auth.http.dependencies import require_service_key
from monynha.domains.auth.http.request_body import RequestBody, read_body, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import user_json
from monynha.domains.auth.services import admin
from monynha.domains.auth.services.admin import AdminUserAttributes
from monynha.domains.auth.services.admin_links import LinkRequest, generate_link, invite
from monynha.domains.auth.tokens.access_tokens import AUDIENCE
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, encode_headers
from monynha.protocols.http.router import Route

_DEFAULT_PAGE_SIZE = 50
_MAX_PAGE_SIZE = 1000
_MAX_PAGE = 1_000_000


def routes(auth: AuthServices) -> tuple[Route, ...]:
    """Return the routes of back offices."""
    return (
        Route("GET", "/admin/users", partial(_list_users, auth)),
        Route("POST", "/admin/users", partial(_create_user, auth)),
        Route("GET", "/admin/users/{id}", partial(_get_user, auth)),
        Route("PUT", "/admin/users/{id}", partial(_update_user, auth)),
        Route("DELETE", "/admin/users/{id}", partial(_delete_user, auth)),
        Route("POST", "/admin/generate_link", partial(_generate_link, auth)),
        Route("POST", "/invite", partial(_invite, auth)),
    )


async def _list_users(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    query = request.query_params
    page = _parse_positive_number(query.get("page"), 1, _MAX_PAGE, "page")
    size = _parse_positive_number(query.get("per_page"), _DEFAULT_PAGE_SIZE, _MAX_PAGE_SIZE, "per_page")
    email_filter = query.get("filter", "").strip().lower() or None
    accounts, total = await admin.list_page(auth.parts, number=page, size=size, email_filter=email_filter)
    body = {"users": [user_json(account) for account in accounts], "aud": AUDIENCE}
    return auth_response(
        body, extra=encode_headers(*_paging_headers(auth, page, size, total=total, email_filter=email_filter))
    )


async def _create_user(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    body = await read_body(request)
    id_text = body.text("id")
    id = parse_uuid(id_text) if id_text else None
    if id_text and id is None:
        raise InvalidAuthRequestError("ID must conform to the uuid v4 format")
    return auth_response(user_json(await admin.create(auth.parts, _user_attributes(body, id))))


async def _get_user(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    return auth_response(user_json(await admin.find(auth.parts, _user_id(request))))


async def _update_user(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    id = _user_id(request)
    return auth_response(user_json(await admin.update(auth.parts, id, _user_attributes(await read_body(request)))))


async def _delete_user(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    id = _user_id(request)
    keeps_row = (await read_body(request)).boolean("should_soft_delete") is True
    try:
        await admin.delete(auth.parts, id, keeps_row=keeps_row)
    except ConstraintViolationError:
        # Something of a later domain stands on the account, as a project that others are members of.
        raise ConflictError("The user owns what others use; hand it over first") from None
    return auth_response({})


async def _generate_link(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    body = await read_body(request)
    link_request = LinkRequest(
        body.required_text("type"),
        body.required_text("email"),
        password=body.text("password"),
        new_email=body.text("new_email"),
        data=body.object("data") or {},
    )
    account, token = await generate_link(auth.parts, link_request)
    redirect_to = auth.parts.redirects.resolve(requested_redirect(request, body))
    link = {
        "action_link": auth.parts.email_templates.action_link(token, redirect_to),
        "email_otp": token.code,
        "hashed_token": token.link_token,
        "verification_type": link_request.type if LINK_TYPES[token.kind] == "email_change" else LINK_TYPES[token.kind],
        "redirect_to": redirect_to,
    }
    return auth_response({**user_json(account), **link})


async def _invite(auth: AuthServices, request: Request) -> Response:
    require_service_key(auth, request)
    body = await read_body(request)
    redirect_to = requested_redirect(request, body)
    account = await invite(auth.parts, body.required_text("email"), body.object("data") or {}, redirect_to)
    return auth_response(user_json(account))


def _user_attributes(body: RequestBody, id: UUID | None = None) -> AdminUserAttributes:
    phone = body.text("phone")
    if phone is not None and not (phone.isascii() and phone.lstrip("+").isdigit() and 7 <= len(phone) <= 16):
        raise InvalidAuthRequestError("Invalid phone number format (E.164 required)")
    return AdminUserAttributes(
        email=body.email(),
        phone=phone.lstrip("+") if phone else None,
        password=body.text("password"),
        password_hash=body.text("password_hash"),
        email_confirm=body.boolean("email_confirm"),
        phone_confirm=body.boolean("phone_confirm"),
        user_metadata=body.object("user_metadata"),
        app_metadata=body.object("app_metadata"),
        ban_duration=body.text("ban_duration"),
        id=id,
    )


def _user_id(request: Request) -> UUID:
    user_id = parse_uuid(request.path_params["id"])
    if user_id is None:
        raise InvalidUserIdError()
    return user_id


def _parse_positive_number(text: str | None, default: int, maximum: int, name: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise InvalidAuthRequestError(f"Bad Pagination Parameters: {name} must be a whole number from 1 on")
    return min(int(text), maximum)


def _paging_headers(
    auth: AuthServices, page: int, size: int, *, total: int, email_filter: str | None
) -> tuple[tuple[str, str], tuple[str, str]]:
    last_page = max(1, -(-total // size))

    def link(number: int, rel: str) -> str:
        # Clients read the page behind the first `=`, so it comes first.
        query = urlencode({"page": number, "per_page": size, **({"filter": email_filter} if email_filter else {})})
        return f'<{auth.parts.email_templates.site_url.rstrip("/")}/auth/v1/admin/users?{query}>; rel="{rel}"'

    links = [link(page + 1, "next")] if page < last_page else []
    return ("X-Total-Count", str(total)), ("Link", ", ".join([*links, link(last_page, "last")]))
