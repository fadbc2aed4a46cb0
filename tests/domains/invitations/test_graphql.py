"""Invitations over GraphQL: the same rights and errors as REST, and their events."""

from __future__ import annotations

import pytest

from tests.domains.invitations.invited_people import Mailbox, invite, new_address, role_in, status_of
from tests.project_team import ProjectTeam
from tests.protocols.graphql.requests import execute, fetch_data, fetch_errors
from tests.users import UserFactory

pytestmark = pytest.mark.anyio

CREATE = """
mutation ($projectId: ID!, $input: CreateInvitationInput!) {
  createInvitation(projectId: $projectId, input: $input) {
    id email role status project { name } invitedBy { name }
  }
}
"""
ACCEPT = "mutation ($token: ID!) { acceptInvitation(token: $token) { status role project { name myRole } } }"
DECLINE = "mutation ($token: ID!) { declineInvitation(token: $token) }"


async def test_an_invitation_is_created_sent_again_listed_and_revoked(team: ProjectTeam, mailbox: Mailbox) -> None:
    email, project_id = new_address(), team.project["id"]

    created = await fetch_data(team.owner, CREATE, projectId=project_id, input={"email": email, "role": "viewer"})
    invitation = created["createInvitation"]
    resent = await fetch_data(
        team.owner, "mutation ($id: ID!) { resendInvitation(id: $id) { status } }", id=invitation["id"]
    )
    await mailbox.wait_for(email, 2)
    listed = await fetch_data(team.owner, "{ projects { invitations(where: {status: [pending]}) { email } } }")
    revoked = await fetch_data(team.owner, "mutation ($id: ID!) { deleteInvitation(id: $id) }", id=invitation["id"])

    assert invitation == {
        "id": invitation["id"],
        "email": email,
        "role": "viewer",
        "status": "pending",
        "project": {"name": team.project["name"]},
        "invitedBy": {"name": "Owner"},
    }
    assert (resent, revoked) == ({"resendInvitation": {"status": "pending"}}, {"deleteInvitation": True})
    assert listed == {"projects": [{"invitations": [{"email": email}]}]}
    assert await status_of(team, invitation) == "revoked"


async def test_the_invited_person_accepts_by_the_token_and_declines_by_the_id(
    team: ProjectTeam, users: UserFactory, mailbox: Mailbox
) -> None:
    ada, grace = await users.create("Ada"), await users.create("Grace")
    await invite(team.owner, team, ada.email, "viewer")
    declined = await invite(team.owner, team, grace.email)

    accepted = await fetch_data(ada, ACCEPT, token=await mailbox.token(ada.email))
    answer = await fetch_data(grace, DECLINE, token=declined["id"])

    project = {"name": team.project["name"], "myRole": "viewer"}
    assert accepted == {"acceptInvitation": {"status": "accepted", "role": "viewer", "project": project}}
    assert answer == {"declineInvitation": True}
    assert (await status_of(team, declined), await role_in(team, grace)) == ("declined", None)


async def test_a_member_by_an_unknown_address_is_refused_by_name(team: ProjectTeam) -> None:
    mutation = (
        "mutation ($id: ID!, $input: CreateMemberInput!) { createMember(projectId: $id, input: $input) { role } }"
    )

    [error] = await fetch_errors(team.owner, mutation, id=team.project["id"], input={"email": new_address()})

    assert error["extensions"]["code"] == "VALIDATION_ERROR"
    assert error["extensions"]["details"] == {"email": "is not registered"}
    assert (await team.owner.get(f"{team.path}/invitations")).json()["data"] == []


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"input": {"email": "no address"}}, "VALIDATION_ERROR"),
        ({"projectId": "x", "input": {"email": "a@example.com"}}, "NOT_FOUND"),
        ({"projectId": "00000000-0000-4000-8000-000000000000", "input": {"email": "a@example.com"}}, "NOT_FOUND"),
    ],
)
async def test_a_refused_invitation_has_the_code_of_rest(
    team: ProjectTeam, variables: dict[str, object], code: str
) -> None:
    [error] = await fetch_errors(team.owner, CREATE, **{"projectId": team.project["id"], **variables})

    assert error["extensions"]["code"] == code


async def test_nothing_is_done_without_signing_in(team: ProjectTeam, users: UserFactory) -> None:
    nobody = users.anonymous()
    for document, variables in (
        (CREATE, {"projectId": team.project["id"], "input": {"email": "a@example.com"}}),
        (ACCEPT, {"token": "x"}),
        (DECLINE, {"token": "x"}),
        ("mutation ($id: ID!) { deleteInvitation(id: $id) }", {"id": team.project["id"]}),
    ):
        body = (await execute(nobody, document, variables)).json()

        assert body["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_an_alias_and_a_typename_are_answered_as_everywhere(team: ProjectTeam) -> None:
    document = """
    mutation ($id: ID!, $email: String!) {
      __typename
      a: createInvitation(projectId: $id, input: {email: $email}) { __typename status projectId }
    }
    """

    data = await fetch_data(team.owner, document, id=team.project["id"], email=new_address())

    assert data == {
        "__typename": "Mutation",
        "a": {"__typename": "Invitation", "status": "pending", "projectId": team.project["id"]},
    }
