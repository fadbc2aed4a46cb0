"""Events of invitations: members see them as they come, and only managers see the address."""

from __future__ import annotations

import pytest

from tests.domains.invitations.invited_people import invite, new_address
from tests.live_server import ws_client as seed_ws_client
from tests.project_team import ProjectTeam
from tests.protocols.graphql.clients import ws_client
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

CHANGED = """
subscription ($id: ID!) {
  invitationChanged(projectId: $id) { action role status invitedBy { name } invitation { email status } }
}
"""


async def test_members_receive_each_step_and_only_managers_the_address(
    address: str, team: ProjectTeam, users: UserFactory
) -> None:
    viewer, ada = await team.actor("viewer"), await users.create("Ada")
    variables = {"id": team.project["id"]}
    async with ws_client(address, team.owner) as to_owner, ws_client(address, viewer) as to_viewer:
        for client in (to_owner, to_viewer):
            await client.start_subscription(CHANGED, variables)
        invitation = await invite(team.owner, team, ada.email, "viewer")
        created = [await client.next_result() for client in (to_owner, to_viewer)]
        assert (await ada.post(f"/invitations/{invitation['id']}/accept", None)).status_code == 200
        accepted = [await client.next_result() for client in (to_owner, to_viewer)]

    shared = {"role": "viewer", "invitedBy": {"name": "Owner"}}
    for results, action, status in ((created, "created", "pending"), (accepted, "updated", "accepted")):
        for result, email in zip(results, (ada.email, None), strict=True):
            row = result.pop("invitation")
            assert result == {**shared, "action": action, "status": status}
            assert row["email"] == email


async def test_the_seeds_own_socket_hears_who_joined(address: str, team: ProjectTeam, users: UserFactory) -> None:
    ada = await users.create("Ada")
    async with seed_ws_client(address, team.owner) as socket:
        await socket.join(dict(team.project))
        invitation = await invite(team.owner, team, ada.email)
        messages = [await socket.receive()]
        await ada.post(f"/invitations/{invitation['id']}/accept", None)
        messages += [await socket.receive() for _ in range(2)]

    assert [message["type"] for message in messages] == [
        "invitation_created",
        "invitation_updated",
        "member_created",
    ]
    assert ada.email not in str(messages)


async def test_an_invited_person_gets_no_event_of_the_project_but_their_own_notification(
    address: str, team: ProjectTeam, users: UserFactory
) -> None:
    ada = await users.create("Ada")
    async with ws_client(address, ada) as own, ws_client(address, ada) as refused:
        await own.start_subscription("subscription { notificationAdded { type title data } }")
        await refused.start_subscription(CHANGED, {"id": team.project["id"]})
        assert await refused.next_error_codes() == ["NOT_FOUND"]
        invitation = await invite(team.owner, team, ada.email)
        notification = await own.next_result()

    assert (notification["type"], notification["data"]["invitationId"]) == ("invited", invitation["id"])


async def test_the_activity_names_no_address(team: ProjectTeam) -> None:
    email = new_address()
    await invite(team.owner, team, email)
    viewer = await team.actor("viewer")

    entries = (await viewer.get(f"{team.path}/activity")).json()["data"]

    assert [entry["new"]["role"] for entry in entries if entry["resource"] == "invitations"] == ["member"]
    assert email not in str(entries)
