"""Whose session is over hears that first: it is asked before anything is said about a request's form."""

from __future__ import annotations

from monynha.core.errors import AppError
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler
from monynha.protocols.rest.write_handlers import RestContext

_FORM_ERROR_STATUSES = frozenset({400, 404, 406, 412, 413, 415, 422})
"""What may be told without a look at the database, which alone knows whether a session is live."""


def check_session_first(context: RestContext, handler: Handler) -> Handler:
    """Return the handler so that its refusals reach only whose session is live; the others hear 401."""

    async def checked(request: Request) -> Response:
        try:
            return await handler(request)
        except AppError as error:
            actor = context.authenticate(request)
            if error.status in _FORM_ERROR_STATUSES and not actor.is_anonymous:
                await context.database.as_actor(actor).require_live_session()
            raise

    return checked
