"""Admin routes, for the holder of the service key alone."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from monynha.core.errors import ConflictError
from monynha.core.serialization import parse_uuid
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.emails.action_links import LINK_TYPES
from monynha.domains.auth.errors import InvalidAuthRequestError
from monynha.domains.auth.http.dependencies import parse_user_id, require_service_key
from monynha.domains.auth.http.paging import paging_headers, parse_page
from monynha.domains.auth.http.request_body import RequestBody, read_body, requested_locale, requested_redirect
from monynha.domains.auth.http.responses import auth_response
from monynha.domains.auth.http.serializers import user_json
from monynha.domains.auth.services.admin import AdminUserAttributes
from monynha.domains.auth.services.admin_links import LinkRequest
from monynha.domains.auth.tokens.access_tokens import AUDIENCE
from monynha.infra.postgres.errors import ConstraintViolationError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


@dataclass(frozen=True)
class AdminRoutes:
    """Routes that manage all accounts."""

    auth: AuthServices

    @property
    def routes(self) -> tuple[Route, ...]:
        """The routes."""
        return (
            Route("GET", "/admin/users", self._list_users),
            Route("POST", "/admin/users", self._create_user),
            Route("GET", "/admin/users/{id}", self._get_user),
            Route("PUT", "/admin/users/{id}", self._update_user),
            Route("DELETE", "/admin/users/{id}", self._delete_user),
            Route("POST", "/admin/generate_link", self._generate_link),
            Route("POST", "/invite", self._invite),
        )

    async def _list_users(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        page = parse_page(request)
        email_filter = request.query_params.get("filter", "").strip().lower() or None
        accounts, total = await self.auth.admin.list_page(
            page_number=page.number, page_size=page.size, email_filter=email_filter
        )
        body = {"users": [user_json(account) for account in accounts], "aud": AUDIENCE}
        url = f"{self.auth.mailer.links.site_url.rstrip('/')}/auth/v1/admin/users"
        filter_params = {"filter": email_filter} if email_filter else {}
        return auth_response(body, extra_headers=paging_headers(url, page, total, filter_params))

    async def _create_user(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        body = await read_body(request)
        id_text = body.text("id")
        user_id = parse_uuid(id_text) if id_text else None
        if id_text and user_id is None:
            raise InvalidAuthRequestError("ID must conform to the uuid v4 format")
        return auth_response(user_json(await self.auth.admin.create(_user_attributes(body, user_id))))

    async def _get_user(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        return auth_response(user_json(await self.auth.admin.get(parse_user_id(request))))

    async def _update_user(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id = parse_user_id(request)
        attributes = _user_attributes(await read_body(request))
        return auth_response(user_json(await self.auth.admin.update(user_id, attributes)))

    async def _delete_user(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        user_id = parse_user_id(request)
        keeps_row = (await read_body(request)).boolean("should_soft_delete") is True
        try:
            await self.auth.admin.delete(user_id, keeps_row=keeps_row)
        except ConstraintViolationError:
            # A later domain refers to the account, as a project does that has other members.
            raise ConflictError("The user owns what others use; transfer it first") from None
        return auth_response({})

    async def _generate_link(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        body = await read_body(request)
        link_request = LinkRequest(
            body.required_text("type"),
            body.required_text("email"),
            password=body.text("password"),
            new_email=body.text("new_email"),
            data=body.json_object("data") or {},
        )
        account, token = await self.auth.admin_links.generate_link(link_request)
        mailer = self.auth.mailer
        redirect_to = mailer.redirects.resolve(requested_redirect(request, body))
        link_type = LINK_TYPES[token.kind]
        link = {
            "action_link": mailer.links.url(token, redirect_to),
            "email_otp": token.code,
            "hashed_token": token.link_token,
            "verification_type": link_request.type if link_type == "email_change" else link_type,
            "redirect_to": redirect_to,
        }
        return auth_response({**user_json(account), **link})

    async def _invite(self, request: Request) -> Response:
        require_service_key(self.auth, request)
        body = await read_body(request)
        account = await self.auth.admin_links.invite(
            body.required_text("email"),
            body.json_object("data") or {},
            redirect_to=requested_redirect(request, body),
            locale=requested_locale(request),
        )
        return auth_response(user_json(account))


def _user_attributes(body: RequestBody, user_id: UUID | None = None) -> AdminUserAttributes:
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
        user_metadata=body.json_object("user_metadata"),
        app_metadata=body.json_object("app_metadata"),
        ban_duration=body.text("ban_duration"),
        role=body.text("role"),
        id=user_id,
    )
