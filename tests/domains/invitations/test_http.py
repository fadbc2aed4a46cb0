"""Adding members by address, and the REST forms of invitations."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import build
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import ServerUrls
from tests.domains.invitations.invited_people import Mailbox, invite, new_address, problem
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam, create_project_team
from tests.protocols.graphql.requests import execute
from tests.users import UserFactory

pytestmark = pytest.mark.anyio
CREATE_MEMBER = (
    "mutation ($id: ID!, $input: CreateMemberInput!) { createMember(projectId: $id, input: $input) { role } }"
)
CREATE_INVITATION = (
    "mutation ($id: ID!, $input: CreateInvitationInput!) { createInvitation(projectId: $id, input: $input) { role } }"
)


async def test_an_unknown_address_is_invited_when_it_is_added(team: ProjectTeam, mailbox: Mailbox) -> None:
    email = new_address()

    response = await team.owner.post(
        f"{team.path}/members", {"data": {"email": f" {email.upper()} ", "role": "viewer"}}
    )

    invitation = response.json()["data"]
    assert response.status_code == 202, response.text
    assert response.headers["location"] == f"/api/v1/invitations/{invitation['id']}"
    assert {**invitation, "id": "", "createdAt": "", "expiresAt": ""} == {
        "id": "",
        "projectId": team.project["id"],
        "email": email,
        "role": "viewer",
        "status": "pending",
        "invitedById": str(team.owner.id),
        "createdAt": "",
        "expiresAt": "",
    }
    assert (await team.owner.get(f"/invitations/{invitation['id']}")).json()["data"] == invitation
    assert len(await mailbox.wait_for(email)) == 1
    members = (await team.owner.get(f"{team.path}/members")).json()["data"]
    assert [member["userId"] for member in members] == [str(team.owner.id)]


async def test_an_unconfirmed_address_is_invited_as_an_unknown_one(
    team: ProjectTeam, users: UserFactory, owner_sql: OwnerSql
) -> None:
    grace = await users.create("Grace")
    await owner_sql("update auth.users set email_confirmed_at = null where id = $1", grace.id)
    await owner_sql("update public.users set email_verified = false where id = $1", grace.id)

    by_address = await team.owner.post(f"{team.path}/members", {"email": grace.email})
    by_id = await team.owner.post(f"{team.path}/members", {"userId": str(grace.id)})

    assert (by_address.status_code, by_address.json()["data"]["email"]) == (202, grace.email)
    assert (by_id.status_code, by_id.json()["error"]["details"]) == (422, {"userId": "does not exist"})


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"userId": str(uuid4())}, 422, "userId"),
        ({"userId": str(uuid4()), "email": "nobody@example.com"}, 422, "userId"),
        ({"email": "nobody@example.com", "role": "owner"}, 422, "role"),
        ({"email": "nobody@example..com"}, 422, "email"),
        ({"email": "nobody@example.com\r\nBcc: victim@example.com"}, 422, "email"),
        ({"email": "nobody@example.com", "joinedAt": "2026-01-01T00:00:00Z"}, 422, "joinedAt"),
    ],
)
async def test_what_cannot_be_added_is_not_invited(
    team: ProjectTeam, body: dict[str, object], status: int, field: str
) -> None:
    response = await team.owner.post(f"{team.path}/members", body)

    assert (response.status_code, [*response.json()["error"]["details"]]) == (status, [field])
    assert (await team.owner.get(f"{team.path}/invitations")).json()["data"] == []


async def test_an_admin_cannot_offer_the_role_admin_by_address(team: ProjectTeam) -> None:
    admin = await team.actor("admin")

    response = await admin.post(f"{team.path}/members", {"email": new_address(), "role": "admin"})

    assert response.status_code == 403


@pytest.mark.parametrize("name", ["viewer", "outsider", "removed"])
async def test_who_may_not_add_members_learns_nothing_of_an_address(team: ProjectTeam, name: str) -> None:
    actor, registered = await team.actor(name), await team.users.create("Known")
    path = f"{team.path}/members"

    responses = [await actor.post(path, {"email": email}) for email in (registered.email, new_address())]

    assert problem(responses[0]) == problem(responses[1])
    assert responses[0].status_code == (403 if name == "viewer" else 404)


@pytest.mark.parametrize(("collection", "status"), [("members", 202), ("invitations", 201)])
async def test_a_repeated_request_with_its_key_invites_once(
    team: ProjectTeam, mailbox: Mailbox, collection: str, status: int
) -> None:
    email, headers = new_address(), {"idempotency-key": uuid4().hex}
    body = {"email": email, "role": "viewer"}

    first, second = await asyncio.gather(
        *(team.owner.post(f"{team.path}/{collection}", body, headers=headers) for _ in range(2))
    )
    other = await team.owner.post(f"{team.path}/{collection}", {**body, "email": new_address()}, headers=headers)

    assert [first.status_code, second.status_code] == [status] * 2
    assert first.json()["data"] == second.json()["data"]
    assert sorted(response.headers.get("idempotency-replayed", "") for response in (first, second)) == ["", "true"]
    assert other.status_code == 422
    await mailbox.wait_for(email)
    assert len(mailbox.read(email)) == 1


@pytest.mark.parametrize("path", ["/resend", "/accept", "/decline"])
async def test_an_action_takes_no_query_parameters(team: ProjectTeam, path: str) -> None:
    invitation = await invite(team.owner, team, new_address())

    response = await team.owner.post(f"/invitations/{invitation['id']}{path}?x=1", None)

    assert response.status_code == 400


async def test_invitations_are_filtered_sorted_and_paged(team: ProjectTeam) -> None:
    invitations = [await invite(team.owner, team, new_address(), role) for role in ("viewer", "member", "viewer")]
    await team.owner.delete(f"/invitations/{invitations[0]['id']}")
    path = f"{team.path}/invitations"

    async def ids(query: str) -> list[str]:
        return [row["id"] for row in (await team.owner.get(f"{path}?{query}")).json()["data"]]

    first, second, third = (invitation["id"] for invitation in invitations)
    assert await ids("") == [third, second, first]
    assert await ids("status=pending&role=viewer") == [third]
    assert await ids("status=revoked,expired") == [first]
    assert await ids("sort=createdAt&limit=2") == [first, second]
    page = (await team.owner.get(f"{path}?limit=2&count=exact")).json()
    rest = (await team.owner.get(f"{path}?limit=2&cursor={page['meta']['nextCursor']}")).json()
    assert (page["meta"]["total"], [row["id"] for row in rest["data"]]) == (3, [first])


@pytest.fixture
async def limited(settings: Settings, running_servers: ServerUrls) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a program that lets a manager invite three addresses an hour."""
    limits = dataclasses.replace(
        settings, limit_invitation=Limit(3, 3600), services=frozenset({"api"}), data_dir=settings.data_dir
    )
    application = await build(limits, running_servers)
    transport = httpx.ASGITransport(app=application.http)
    async with httpx.AsyncClient(transport=transport, base_url="http://monynha.test") as client:
        yield client
    await application.close()


async def test_a_manager_can_ask_about_so_many_addresses_and_no_more(
    limited: httpx.AsyncClient, users: UserFactory
) -> None:
    factory = UserFactory(users.database, users.tokens, limited)
    team = await create_project_team(factory)
    registered = await factory.create("Known")
    members, invitations = f"{team.path}/members", f"{team.path}/invitations"

    allowed = [
        await team.owner.post(members, {"email": registered.email}),
        await team.owner.post(members, {"email": new_address()}),
        await team.owner.post(invitations, {"email": "no address"}),
    ]
    refused = [
        await team.owner.post(members, {"email": new_address()}),
        await team.owner.post(invitations, {"email": new_address()}),
        await team.owner.post(f"/invitations/{allowed[1].json()['data']['id']}/resend", None),
    ]
    by_id = await team.owner.post(members, {"userId": str((await factory.create("Other")).id)})

    assert [response.status_code for response in allowed] == [201, 202, 422]
    assert [response.headers["ratelimit-remaining"] for response in allowed] == ["2", "1", "0"]
    assert [response.status_code for response in refused] == [429] * 3
    assert 0 < int(refused[0].headers["retry-after"]) <= 3600
    assert refused[0].json()["error"]["message"] == "Too many invitations, please try again later"
    # By id nothing is learned about an address.
    assert by_id.status_code == 201
    for document in (CREATE_MEMBER, CREATE_INVITATION):
        variables = {"id": team.project["id"], "input": {"email": new_address()}}
        [error] = (await execute(team.owner, document, variables)).json()["errors"]
        assert error["extensions"]["code"] == "RATE_LIMITED"


async def test_an_address_gets_so_many_invitations_a_day_whoever_sends_them(
    limited: httpx.AsyncClient, users: UserFactory
) -> None:
    factory, victim = UserFactory(users.database, users.tokens, limited), new_address("victim")

    async def invite_victim() -> int:
        team = await create_project_team(factory)
        return (await team.owner.post(f"{team.path}/invitations", {"email": victim})).status_code

    statuses = [await invite_victim() for _ in range(21)]

    assert statuses == [*[201] * 20, 429]
