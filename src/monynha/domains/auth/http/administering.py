"""Routes of back offices, for the holder of the service key alone."""

from __future__ import annotations

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from monynha.core.errors import Conflict
from monynha.core.wire import parse_uuid
from monynha.domains.auth import administration
from monynha.domains.auth.administration import Given
from monynha.domains.auth.auth import Auth
from monynha.domains.auth.faults import NoSuchId, ValidationFailed
from monynha.domains.auth.http.answers import answer
from monynha.domains.auth.http.body import Body, read_body, redirect_of
from monynha.domains.auth.http.who import check_admin
from monynha.domains.auth.letters import TYPES
from monynha.domains.auth.links import LinkWish, invite, make_link
from monynha.domains.auth.shown import user
from monynha.domains.auth.tokens import AUDIENCE
from monynha.infra.postgres.faults import Violation
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, headers
from monynha.protocols.http.router import Route

_PER_PAGE = 50
_MOST_PER_PAGE = 1000
_LAST_PAGE = 1_000_000


def routes(auth: Auth) -> tuple[Route, ...]:
    """Return the routes of back offices."""
    return (
        Route("GET", "/admin/users", partial(_list, auth)),
        Route("POST", "/admin/users", partial(_create, auth)),
        Route("GET", "/admin/users/{id}", partial(_show, auth)),
        Route("PUT", "/admin/users/{id}", partial(_update, auth)),
        Route("DELETE", "/admin/users/{id}", partial(_delete, auth)),
        Route("POST", "/admin/generate_link", partial(_generate_link, auth)),
        Route("POST", "/invite", partial(_invite, auth)),
    )


async def _list(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    query = request.query
    page = _number(query.get("page"), 1, _LAST_PAGE, "page")
    size = _number(query.get("per_page"), _PER_PAGE, _MOST_PER_PAGE, "per_page")
    holding = query.get("filter", "").strip().lower() or None
    accounts, total = await administration.page(auth.parts, number=page, size=size, holding=holding)
    shown = {"users": [user(account) for account in accounts], "aud": AUDIENCE}
    return answer(shown, extra=headers(*_paging(auth, page, size, total=total, holding=holding)))


async def _create(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    body = await read_body(request)
    id_text = body.text("id")
    id = parse_uuid(id_text) if id_text else None
    if id_text and id is None:
        raise ValidationFailed("ID must conform to the uuid v4 format")
    return answer(user(await administration.create(auth.parts, _given(body, id))))


async def _show(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    return answer(user(await administration.find(auth.parts, _id(request))))


async def _update(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    id = _id(request)
    return answer(user(await administration.update(auth.parts, id, _given(await read_body(request)))))


async def _delete(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    id = _id(request)
    softly = (await read_body(request)).flag("should_soft_delete") is True
    try:
        await administration.delete(auth.parts, id, softly=softly)
    except Violation:
        # Something of a later domain stands on the account, as a project that others are members of.
        raise Conflict("The user owns what others use; hand it over first") from None
    return answer({})


async def _generate_link(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    body = await read_body(request)
    wish = LinkWish(
        body.needed("type"),
        body.needed("email"),
        password=body.text("password"),
        new_email=body.text("new_email"),
        data=body.object("data") or {},
    )
    account, token = await make_link(auth.parts, wish)
    redirect_to = auth.parts.redirects.checked(redirect_of(request, body))
    link = {
        "action_link": auth.parts.letters.action_link(token, redirect_to),
        "email_otp": token.code,
        "hashed_token": token.link,
        "verification_type": wish.type if TYPES[token.kind] == "email_change" else TYPES[token.kind],
        "redirect_to": redirect_to,
    }
    return answer({**user(account), **link})


async def _invite(auth: Auth, request: Request) -> Response:
    check_admin(auth, request)
    body = await read_body(request)
    redirect_to = redirect_of(request, body)
    account = await invite(auth.parts, body.needed("email"), body.object("data") or {}, redirect_to)
    return answer(user(account))


def _given(body: Body, id: UUID | None = None) -> Given:
    phone = body.text("phone")
    if phone is not None and not (phone.isascii() and phone.lstrip("+").isdigit() and 7 <= len(phone) <= 16):
        raise ValidationFailed("Invalid phone number format (E.164 required)")
    return Given(
        email=body.email(),
        phone=phone.lstrip("+") if phone else None,
        password=body.text("password"),
        password_hash=body.text("password_hash"),
        email_confirm=body.flag("email_confirm"),
        phone_confirm=body.flag("phone_confirm"),
        user_metadata=body.object("user_metadata"),
        app_metadata=body.object("app_metadata"),
        ban_duration=body.text("ban_duration"),
        id=id,
    )


def _id(request: Request) -> UUID:
    found = parse_uuid(request.params["id"])
    if found is None:
        raise NoSuchId()
    return found


def _number(text: str | None, default: int, most: int, name: str) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) < 1:
        raise ValidationFailed(f"Bad Pagination Parameters: {name} must be a whole number from 1 on")
    return min(int(text), most)


def _paging(
    auth: Auth, page: int, size: int, *, total: int, holding: str | None
) -> tuple[tuple[str, str], tuple[str, str]]:
    last = max(1, -(-total // size))

    def link(number: int, rel: str) -> str:
        # Clients read the page behind the first `=`, so it comes first.
        query = urlencode({"page": number, "per_page": size, **({"filter": holding} if holding else {})})
        return f'<{auth.parts.letters.site_url.rstrip("/")}/auth/v1/admin/users?{query}>; rel="{rel}"'

    links = [link(page + 1, "next")] if page < last else []
    return ("X-Total-Count", str(total)), ("Link", ", ".join([*links, link(last, "last")]))
