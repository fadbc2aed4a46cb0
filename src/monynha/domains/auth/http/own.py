"""Routes of one's own account."""

from __future__ import annotations

from functools import partial

from monynha.domains.auth.auth import Auth
from monynha.domains.auth.http.answers import answer
from monynha.domains.auth.http.body import read_body, redirect_of
from monynha.domains.auth.http.not_enabled import PhoneDisabledAtSignIn
from monynha.domains.auth.http.who import signed_in
from monynha.domains.auth.own_account import Wanted, ask_nonce, update_own
from monynha.domains.auth.shown import user
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Route


def routes(auth: Auth) -> tuple[Route, ...]:
    """Return the routes of one's own account."""
    return (
        Route("GET", "/user", partial(_show, auth)),
        Route("PUT", "/user", partial(_change, auth)),
        Route("GET", "/reauthenticate", partial(_reauthenticate, auth)),
    )


async def _show(auth: Auth, request: Request) -> Response:
    return answer(user((await signed_in(auth, request)).account))


async def _change(auth: Auth, request: Request) -> Response:
    asker = await signed_in(auth, request)
    body = await read_body(request)
    if body.text("phone"):
        raise PhoneDisabledAtSignIn()
    wanted = Wanted(
        email=body.text("email"),
        # An empty password is a wish for one that is too short, not for none.
        password=body.text("password") or ("" if body.values.get("password") == "" else None),
        current_password=body.text("current_password"),
        nonce=body.text("nonce"),
        data=body.object("data"),
        challenge=body.challenge(),
        redirect_to=redirect_of(request, body),
    )
    if wanted.email:
        await auth.brakes.change_of_address(asker.account.id)
    if wanted.email and not auth.parts.autoconfirm:
        await auth.brakes.mail(wanted.email)
    return answer(user(await update_own(auth.parts, asker.account, asker.session_id, wanted)))


async def _reauthenticate(auth: Auth, request: Request) -> Response:
    asker = await signed_in(auth, request)
    await auth.brakes.mail(asker.account.email or "")
    await ask_nonce(auth.parts, asker.account)
    return answer({})
