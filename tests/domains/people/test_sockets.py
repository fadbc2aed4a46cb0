"""What an admin does to a person reaches every open socket of that person at once."""

from __future__ import annotations

import time

import pytest

from tests.conditions import SOON_S
from tests.live_server import ws_client
from tests.project_team import create_project_team
from tests.protocols.graphql.clients import TASK_CHANGED
from tests.protocols.graphql.clients import ws_client as graphql_client
from tests.users import UserFactory

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("action", ["ban", "sign-out", "delete"])
async def test_a_socket_closes_when_its_person_is_shut_out(address: str, users: UserFactory, action: str) -> None:
    admin, team = await users.create("Root", is_admin=True), await create_project_team(users)
    member = await team.actor("member")
    path = f"/admin/people/{member.id}"
    async with ws_client(address, member) as socket, ws_client(address, team.owner) as other:
        await socket.join(dict(team.project))
        await other.join(dict(team.project))
        started_at = time.monotonic()
        response = await (admin.delete(path) if action == "delete" else admin.post(f"{path}/{action}", None))
        assert response.status_code in (200, 204), response.text

        assert (await socket.wait_closed())[0] == 4401
        assert time.monotonic() - started_at < SOON_S
        await other.send("ping")
        while (await other.receive())["type"] == "member_deleted":
            pass


async def test_a_demoted_admin_receives_nothing_more_of_projects_of_others(address: str, users: UserFactory) -> None:
    admin, former = await users.create("Root", is_admin=True), await users.create("Former", is_admin=True)
    team = await create_project_team(users)
    async with graphql_client(address, former) as socket:
        await socket.start_subscription(TASK_CHANGED, {"id": team.project["id"]})
        task = await team.owner.create_task(team.project)
        assert (await socket.next_result())["id"] == task["id"]
        assert (await admin.post(f"/admin/people/{former.id}/demote", None)).status_code == 200

        code, _ = await socket.wait_closed()

    assert code == 4403
