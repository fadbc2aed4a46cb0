"""`GET /api/v1/admin/analytics`: who may read it, and which ranges it accepts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from monynha.app.commands.keys import make_key
from monynha.core.settings.settings import Settings
from tests.live_server import OwnerSql
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

PATH = "/admin/analytics"


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    return await users.create("Root", is_admin=True)


async def test_system_admins_read_stored_days_and_months(admin: ApiUser, owner_sql: OwnerSql) -> None:
    for period, starts_on in (
        ("day", "1998-05-31"),
        ("day", "1998-06-01"),
        ("day", "1998-06-02"),
        ("month", "1998-06-01"),
    ):
        await owner_sql(
            "insert into monynha.analytics (period, starts_on, users, projects, storage_bytes, jobs) "
            "values ($1, $2::text::date, 1, 2, 3, 4) on conflict do nothing",
            period,
            starts_on,
        )

    response = await admin.get(f"{PATH}?from=1998-06-01&to=1998-06-02")

    counts = {
        **{"users": 1, "projects": 2, "storageBytes": 3, "jobs": 4},
        **{"activeUsers": None, "tasksCreated": None, "tasksDone": None},
    }
    assert response.status_code == 200
    assert response.json()["data"] == {
        "from": "1998-06-01",
        "to": "1998-06-02",
        "days": [{"date": day, **counts} for day in ("1998-06-01", "1998-06-02")],
        "months": [{"month": "1998-06", **counts}],
    }


async def test_the_last_thirty_days_are_the_default(admin: ApiUser) -> None:
    before = datetime.now(UTC).date()
    data = (await admin.get(PATH)).json()["data"]
    after = datetime.now(UTC).date()

    assert data["to"] in (before.isoformat(), after.isoformat())
    assert datetime.fromisoformat(data["to"]) - datetime.fromisoformat(data["from"]) == timedelta(days=29)
    assert (await admin.get(f"{PATH}?to=1998-03-02")).json()["data"]["from"] == "1998-02-01"
    assert (await admin.get(f"{PATH}?to=0001-01-05")).json()["data"]["from"] == "0001-01-01"


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("from=2026-02-30", "from"),
        ("from=2026-11-27T00:00:00Z", "from"),
        ("from=20261127", "from"),
        ("from=2026-W48-5", "from"),
        ("from=", "from"),
        ("to=yesterday", "to"),
        ("to=%D9%A2%D9%A0%D9%A2%D9%A6-11-27", "to"),
        ("to=0000-01-01", "to"),
        ("from=2026-11-28&to=2026-11-27", "from"),
        ("from=2020-01-01&to=2026-11-27", "from"),
        ("from=2026-11-26&from=2026-11-27", "from"),
        ("period=day", "period"),
    ],
)
async def test_a_range_that_is_none_is_rejected_by_the_name_of_its_parameter(
    admin: ApiUser, query: str, name: str
) -> None:
    response = await admin.get(f"{PATH}?{query}")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "BAD_REQUEST"
    assert list(response.json()["error"]["details"]) == [name]


async def test_three_years_are_accepted(admin: ApiUser) -> None:
    assert (await admin.get(f"{PATH}?from=2023-11-28&to=2026-11-27")).status_code == 200


async def status_of(client: httpx.AsyncClient, token: str) -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    response = await client.get(f"/api/v1{PATH}", headers=headers)
    return response.status_code, response.json().get("error", {}).get("code")


async def test_nobody_but_system_admins_reads_analytics(
    users: UserFactory,
    user: ApiUser,
    admin: ApiUser,
    client: httpx.AsyncClient,
    settings: Settings,
    owner_sql: OwnerSql,
) -> None:
    await user.create_project()
    promoted, demoted = await users.create("Promoted"), await users.create("Demoted", is_admin=True)
    await owner_sql('update auth.users set app_metadata = \'{"role": "admin"}\' where id = $1', promoted.id)
    await owner_sql("update auth.users set app_metadata = '{}' where id = $1", demoted.id)
    claims_to_be_admin = await users.create("Claims")
    await owner_sql('update auth.users set user_metadata = \'{"role": "admin"}\' where id = $1', claims_to_be_admin.id)
    signed_out = await users.create("Gone", is_admin=True)
    await users.end_session(signed_out)

    statuses = {
        "anonymous": await status_of(client, ""),
        "anon key": await status_of(client, make_key("anon", settings.jwt_secret)),
        "forged": await status_of(client, make_key("service_role", "x" * 40)),
        "project owner": await status_of(client, user.token),
        "metadata": await status_of(client, claims_to_be_admin.token),
        "demoted": await status_of(client, demoted.token),
        "signed out": await status_of(client, signed_out.token),
        "promoted": await status_of(client, promoted.token),
        "admin": await status_of(client, admin.token),
        "service key": await status_of(client, make_key("service_role", settings.jwt_secret)),
    }

    assert statuses == {
        "anonymous": (401, "UNAUTHENTICATED"),
        "anon key": (401, "UNAUTHENTICATED"),
        "forged": (401, "UNAUTHENTICATED"),
        "project owner": (403, "FORBIDDEN"),
        "metadata": (403, "FORBIDDEN"),
        "demoted": (403, "FORBIDDEN"),
        "signed out": (401, "UNAUTHENTICATED"),
        "promoted": (200, None),
        "admin": (200, None),
        "service key": (200, None),
    }


async def test_a_bad_range_of_an_ended_session_is_401(users: UserFactory) -> None:
    admin = await users.create("Gone", is_admin=True)
    await users.end_session(admin)

    assert (await admin.get(f"{PATH}?from=never")).status_code == 401


async def test_graphql_shows_the_same_periods_to_system_admins_only(
    admin: ApiUser, user: ApiUser, owner_sql: OwnerSql
) -> None:
    await owner_sql(
        "insert into monynha.analytics (period, starts_on, users, projects, storage_bytes, jobs, active_users) "
        "values ('month', '1997-06-01', 1, 2, 3000001, 4, 5) on conflict do nothing"
    )
    query = """
    { analytics(where: {period: [month], startsAfter: "1997-06-01T00:00:00Z", startsBefore: "1997-07-01T00:00:00Z"})
      { period startsAt users projects storageMegabytes jobs activeUsers tasksDone } }
    """

    assert await fetch_data(admin, query) == {
        "analytics": [
            {
                **{"period": "month", "startsAt": "1997-06-01T00:00:00.000000Z", "users": 1, "projects": 2},
                **{"storageMegabytes": 4, "jobs": 4, "activeUsers": 5, "tasksDone": None},
            }
        ]
    }
    assert await error_codes(user, query) == ["FORBIDDEN"]
