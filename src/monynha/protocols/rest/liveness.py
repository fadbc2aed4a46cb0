"""Whose session is over hears that first: it is asked before anything is said about a request's form."""

from __future__ import annotations

from monynha.core.errors import Fault
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response
from monynha.protocols.http.router import Handler
from monynha.protocols.rest.handlers import Rest

_OF_THE_FORM = frozenset({400, 404, 406, 412, 413, 415, 422})
"""What may be told without a look at the database, which alone knows whether a session is live."""


def live_first(rest: Rest, handler: Handler) -> Handler:
    """Return the handler so that its refusals reach only whose session is live; the others hear 401."""

    async def asked(request: Request) -> Response:
        try:
            return await handler(request)
        except Fault as fault:
            actor = rest.identify(request)
            if fault.status in _OF_THE_FORM and not actor.is_nobody:
                await rest.database.acting(actor).check_live()
            raise

    return asked
