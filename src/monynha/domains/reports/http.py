"""The REST endpoint of the analytics."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from monynha.core.clock import Clock, utc_now
from monynha.core.errors import BadRequestError, ForbiddenError
from monynha.domains.reports.models import analytics
from monynha.domains.reports.period_counts import read_analytics
from monynha.protocols.http.request import Request
from monynha.protocols.http.response import Response, data_response
from monynha.protocols.rest.context import RestContext, read_query
from monynha.protocols.rest.endpoint_docs import CustomEndpointDoc
from monynha.protocols.rest.query_params import reject_unknown_params
from monynha.protocols.rest.routes import RouteOverrides

PATH = "/admin/analytics"
MAX_DAYS = 1100
"""How many days one request returns at most: three years."""
DEFAULT_DAYS = 30
"""How many days are returned before and with `to`, where `from` is not given."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class AnalyticsRoutes:
    """The endpoint that shows system admins how much the system is used."""

    rest: RestContext
    clock: Clock = utc_now

    @property
    def overrides(self) -> RouteOverrides:
        """The handlers by method and path below `/api/v1`."""
        return {("GET", PATH): self.read}

    async def read(self, request: Request) -> Response:
        """Return the analytics of a range of days."""
        params = read_query(request)
        connection = self.rest.connect(request)
        reject_unknown_params(params, ("from", "to"))
        first_day, last_day = _parse_range(params, self.clock().date())
        return data_response(await read_analytics(connection, first_day, last_day))


def _parse_range(params: dict[str, str], today: date) -> tuple[date, date]:
    """Return the first and the last day; BadRequestError names the parameter that is wrong."""
    last_day = _parse_date("to", params["to"]) if "to" in params else today
    if "from" in params:
        first_day = _parse_date("from", params["from"])
    else:
        first_day = date.fromordinal(max(1, last_day.toordinal() - DEFAULT_DAYS + 1))
    if first_day > last_day:
        raise _param_error("from", "must not be after to")
    if (last_day - first_day).days >= MAX_DAYS:
        raise _param_error("from", f"must be less than {MAX_DAYS} days before to")
    return first_day, last_day


def _parse_date(name: str, text: str) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _param_error(name, "must be a date that exists, as 2026-01-31")


def _param_error(name: str, problem: str) -> BadRequestError:
    return BadRequestError(f"The query parameter {name} {problem}.", details={name: problem})


_COUNT = {"type": "integer", "minimum": 0}
_COUNT_OR_UNKNOWN = {"type": ["integer", "null"], "minimum": 0}
_COUNTS = {
    "users": {**_COUNT, "description": "Users at the end of the period."},
    "activeUsers": {
        **_COUNT_OR_UNKNOWN,
        "description": "Users who changed something; null where the events had been deleted before they were counted.",
    },
    "projects": {**_COUNT, "description": "Projects at the end of the period."},
    "tasksCreated": {**_COUNT_OR_UNKNOWN, "description": "Tasks that were created."},
    "tasksDone": {**_COUNT_OR_UNKNOWN, "description": "Tasks that became done and were done at the end of the day."},
    "storageBytes": {**_COUNT, "description": "Bytes of all stored objects at the end of the period."},
    "jobs": {**_COUNT, "description": "Background jobs that were completed."},
}


def _period_schema(name: str, schema: dict[str, object]) -> dict[str, object]:
    return {
        "type": "array",
        "items": {"type": "object", "required": [name, *_COUNTS], "properties": {name: schema, **_COUNTS}},
    }


_DATE_SCHEMA: dict[str, object] = {"type": "string", "format": "date"}

ENDPOINT_DOCS = (
    CustomEndpointDoc(
        "GET",
        PATH,
        "readAnalytics",
        analytics,
        "Read analytics of the whole system",
        "How much the system is used, by day and by month in UTC; for system admins. A day is counted soon after it "
        "is over, a month on the first day of the next one. Months that overlap the range are returned as a whole.",
        {
            "type": "object",
            "required": ["from", "to", "days", "months"],
            "properties": {
                "from": _DATE_SCHEMA,
                "to": _DATE_SCHEMA,
                "days": _period_schema("date", _DATE_SCHEMA),
                "months": _period_schema("month", {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}$"}),
            },
        },
        query_schemas={
            "from": {**_DATE_SCHEMA, "description": f"The first day; by default {DEFAULT_DAYS} days are returned."},
            "to": {**_DATE_SCHEMA, "description": "The last day, today by default."},
        },
        error_classes=(ForbiddenError,),
    ),
)
"""The documentation of this endpoint for OpenAPI."""
