"""Accepting and declining: only the proven address, once, and only what the inviter may still give."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from monynha.core.errors import ValidationFailedError
from monynha.domains.invitations.actions import LIFETIME, parse_invitation
from tests.domains.invitations.invited_people import (
    Mailbox,
    invite,
    new_address,
    problem,
    role_in,
    status_of,
)
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
FORWARDED = "The invitation is for another email address; sign in with the address that it was sent to."
NO_RIGHT_LEFT = "Whoever invited you can no longer add members; ask for a new invitation."


@pytest.fixture
async def ada(users: UserFactory) -> ApiUser:
    """Return the person who is invited."""
    return await users.create("Ada")


@pytest.mark.parametrize("role", ["viewer", "member", "admin"])
async def test_the_invited_person_joins_in_the_role_by_the_mailed_link(
    team: ProjectTeam, ada: ApiUser, mailbox: Mailbox, role: str
) -> None:
    invitation = await invite(team.owner, team, ada.email, role)
    token = await mailbox.token(ada.email)

    response = await ada.post(f"/invitations/{token}/accept", None)

    assert response.status_code == 200, response.text
    assert response.json()["data"] == {**invitation, "status": "accepted"}
    assert (await ada.get(team.path)).json()["data"]["myRole"] == role
    assert await status_of(team, invitation) == "accepted"


async def test_an_invitation_lasts_seven_days(team: ProjectTeam) -> None:
    invitation = await invite(team.owner, team, new_address())

    lasts = datetime.fromisoformat(invitation["expiresAt"]) - datetime.fromisoformat(invitation["createdAt"])
    assert lasts == LIFETIME == timedelta(days=7)


async def test_an_invited_account_is_notified_and_can_accept_by_the_id(team: ProjectTeam, ada: ApiUser) -> None:
    invitation = await invite(team.owner, team, ada.email.upper(), "viewer")

    [notification] = (await ada.get("/notifications")).json()["data"]
    accepted = await ada.post(f"/invitations/{notification['data']['invitationId']}/accept", None)

    assert (notification["type"], notification["title"]) == ("invited", team.project["name"])
    assert notification["data"] == {
        "invitationId": invitation["id"],
        "role": "viewer",
        "actorId": str(team.owner.id),
    }
    assert (accepted.status_code, await role_in(team, ada)) == (200, "viewer")
    # Who joins by themselves is not told that they were added.
    assert [row["type"] for row in (await ada.get("/notifications")).json()["data"]] == ["invited"]


async def test_nobody_but_the_invited_person_gets_in_with_the_link(
    team: ProjectTeam, ada: ApiUser, users: UserFactory, mailbox: Mailbox
) -> None:
    invitation = await invite(team.owner, team, ada.email)
    token = await mailbox.token(ada.email)
    eve, system_admin = await users.create("Eve"), await users.create("Root", is_admin=True)

    for other in (eve, system_admin, team.owner):
        for verb in ("accept", "decline"):
            assert problem(await other.post(f"/invitations/{token}/{verb}", None)) == (403, FORWARDED)
            assert (await other.post(f"/invitations/{invitation['id']}/{verb}", None)).status_code == 404
    assert (await users.anonymous().post(f"/invitations/{token}/accept", None)).status_code == 401
    assert (await role_in(team, eve), await status_of(team, invitation)) == (None, "pending")


async def test_an_address_counts_only_while_it_is_confirmed(
    team: ProjectTeam, ada: ApiUser, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    await invite(team.owner, team, ada.email)
    token = await mailbox.token(ada.email)
    await owner_sql("update auth.users set email_confirmed_at = null where id = $1", ada.id)

    unconfirmed = await ada.post(f"/invitations/{token}/accept", None)
    await owner_sql("update auth.users set email_confirmed_at = now() where id = $1", ada.id)
    confirmed = await ada.post(f"/invitations/{token}/accept", None)

    assert (problem(unconfirmed), confirmed.status_code) == ((403, FORWARDED), 200)


@pytest.mark.parametrize(
    "token", ["inv_x", "inv_" + "A" * 43, "00000000-0000-4000-8000-000000000000", "%00", "a" * 3000]
)
async def test_a_guessed_token_is_not_found(ada: ApiUser, token: str) -> None:
    for verb in ("accept", "decline"):
        assert problem(await ada.post(f"/invitations/{token}/{verb}", None)) == (404, "Invitation not found.")


async def test_the_token_is_stored_nowhere(
    team: ProjectTeam, ada: ApiUser, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    await invite(team.owner, team, ada.email)
    token = await mailbox.token(ada.email)

    [stored] = await owner_sql(
        "select t::text from monynha.invitation_tokens t join public.invitations i on i.id = t.invitation_id "
        "where i.email = $1",
        ada.email,
    )
    jobs = await owner_sql(
        "select payload::text, private_data::text from monynha.jobs where payload ->> 'to' = $1", ada.email
    )
    assert token not in str(stored)
    assert token not in str([tuple(job) for job in jobs if job["private_data"] is None])


async def test_an_invitation_is_accepted_once(team: ProjectTeam, ada: ApiUser, mailbox: Mailbox) -> None:
    await invite(team.owner, team, ada.email)
    token = await mailbox.token(ada.email)

    responses = await asyncio.gather(*(ada.post(f"/invitations/{token}/accept", None) for _ in range(6)))
    again = await ada.post(f"/invitations/{token}/accept", None)

    assert sorted(response.status_code for response in responses) == [200, *[409] * 5]
    assert problem(again) == (409, "The invitation has been accepted already.")
    assert again.json()["error"]["details"] == {"status": "accepted"}
    members = (await team.owner.get(f"{team.path}/members")).json()["data"]
    assert [member["userId"] for member in members].count(str(ada.id)) == 1


async def test_accepting_and_revoking_at_once_leave_one_truth(users: UserFactory, team: ProjectTeam) -> None:
    for _ in range(5):
        ada = await users.create("Ada")
        invitation = await invite(team.owner, team, ada.email)

        accepted, revoked = await asyncio.gather(
            ada.post(f"/invitations/{invitation['id']}/accept", None),
            team.owner.delete(f"/invitations/{invitation['id']}"),
        )

        outcome = (
            accepted.status_code,
            revoked.status_code,
            await role_in(team, ada),
            await status_of(team, invitation),
        )
        assert outcome in ((200, 409, "member", "accepted"), (409, 204, None, "revoked"))


async def test_a_removed_manager_hands_out_nothing_even_at_the_last_moment(
    users: UserFactory, team: ProjectTeam
) -> None:
    for _ in range(5):
        admin, ada = await team.actor("admin"), await users.create("Ada")
        invitation = await invite(admin, team, ada.email)

        accepted, removed = await asyncio.gather(
            ada.post(f"/invitations/{invitation['id']}/accept", None),
            team.owner.delete(f"{team.path}/members/{admin.id}"),
        )

        assert removed.status_code == 204
        outcome = (accepted.status_code, await role_in(team, ada), await status_of(team, invitation))
        assert outcome in ((200, "member", "accepted"), (403, None, "pending"))


@pytest.mark.parametrize("loss", ["removed", "lowered", "left", "banned"])
async def test_an_invitation_gives_only_what_its_sender_may_still_give(
    team: ProjectTeam, ada: ApiUser, users: UserFactory, loss: str
) -> None:
    admin = await team.actor("admin")
    invitation = await invite(admin, team, ada.email)
    member_path = f"{team.path}/members/{admin.id}"
    if loss == "removed":
        assert (await team.owner.delete(member_path)).status_code == 204
    elif loss == "lowered":
        assert (await team.owner.put(member_path, {"role": "member"})).status_code == 200
    elif loss == "left":
        assert (await admin.delete(f"{team.path}/members/me")).status_code == 204
    else:
        await users.ban(admin)

    refused = await ada.post(f"/invitations/{invitation['id']}/accept", None)
    resent = await team.owner.post(f"/invitations/{invitation['id']}/resend", None)
    accepted = await ada.post(f"/invitations/{invitation['id']}/accept", None)

    assert problem(refused) == (403, NO_RIGHT_LEFT)
    # Whoever sends it again is the one who invites.
    assert (resent.status_code, resent.json()["data"]["invitedById"]) == (200, str(team.owner.id))
    assert (accepted.status_code, await role_in(team, ada)) == (200, "member")


async def test_a_former_owner_no_longer_gives_the_role_admin(
    team: ProjectTeam, ada: ApiUser, users: UserFactory
) -> None:
    grace = await users.create("Grace")
    as_admin = await invite(team.owner, team, ada.email, "admin")
    as_member = await invite(team.owner, team, grace.email)
    successor = await team.actor("member")
    await team.owner.put(f"{team.path}/members/{successor.id}", {"role": "owner"})

    refused = await ada.post(f"/invitations/{as_admin['id']}/accept", None)
    accepted = await grace.post(f"/invitations/{as_member['id']}/accept", None)

    assert (problem(refused), accepted.status_code) == ((403, NO_RIGHT_LEFT), 200)


async def test_a_demoted_system_admin_no_longer_gives_anything(
    team: ProjectTeam, ada: ApiUser, users: UserFactory
) -> None:
    root, other = await users.create("Root", is_admin=True), await users.create("Other", is_admin=True)
    invitation = await invite(root, team, ada.email)
    assert (await other.post(f"/admin/people/{root.id}/demote", None)).status_code == 200

    refused = await ada.post(f"/invitations/{invitation['id']}/accept", None)

    assert problem(refused) == (403, NO_RIGHT_LEFT)


async def test_nobody_joins_an_archived_project(team: ProjectTeam, ada: ApiUser) -> None:
    invitation = await invite(team.owner, team, ada.email)
    await team.archive()

    refused = await ada.post(f"/invitations/{invitation['id']}/accept", None)
    await team.owner.put(team.path, {"status": "active"})
    accepted = await ada.post(f"/invitations/{invitation['id']}/accept", None)

    assert problem(refused) == (403, "The project is archived; nobody can join it.")
    assert accepted.status_code == 200


async def test_an_expired_invitation_lets_nobody_in_until_it_is_sent_again(
    team: ProjectTeam, ada: ApiUser, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    invitation = await invite(team.owner, team, ada.email)
    first = await mailbox.token(ada.email)
    await owner_sql("update public.invitations set expires_at = now() where id = $1::uuid", invitation["id"])

    expired = await ada.post(f"/invitations/{first}/accept", None)
    resent = await team.owner.post(f"/invitations/{invitation['id']}/resend", None)
    second = await mailbox.token(ada.email, 2)
    replayed = await ada.post(f"/invitations/{first}/accept", None)
    accepted = await ada.post(f"/invitations/{second}/accept", None)

    assert problem(expired) == (409, "The invitation has expired; ask for a new one.")
    assert (resent.json()["data"]["status"], resent.json()["data"]["id"]) == ("pending", invitation["id"])
    assert (replayed.status_code, accepted.status_code) == (404, 200)


async def test_an_expired_invitation_gives_way_to_a_new_one(
    team: ProjectTeam, ada: ApiUser, owner_sql: OwnerSql
) -> None:
    first = await invite(team.owner, team, ada.email)
    await owner_sql("update public.invitations set expires_at = now() where id = $1::uuid", first["id"])

    second = await invite(team.owner, team, ada.email, "viewer")
    resent = await team.owner.post(f"/invitations/{first['id']}/resend", None)

    assert (await status_of(team, first), await status_of(team, second)) == ("expired", "pending")
    assert resent.status_code == 409


async def test_a_declined_or_revoked_invitation_is_over(
    team: ProjectTeam, ada: ApiUser, users: UserFactory, mailbox: Mailbox
) -> None:
    grace = await users.create("Grace")
    declined, revoked = await invite(team.owner, team, ada.email), await invite(team.owner, team, grace.email)
    token = await mailbox.token(grace.email)

    assert (await ada.post(f"/invitations/{declined['id']}/decline", None)).status_code == 204
    assert (await team.owner.delete(f"/invitations/{revoked['id']}")).status_code == 204

    for person, invitation, status in ((ada, declined, "declined"), (grace, revoked, "revoked")):
        message = f"The invitation has been {status}."
        for response in (
            await person.post(f"/invitations/{invitation['id']}/accept", None),
            await person.post(f"/invitations/{invitation['id']}/decline", None),
            await team.owner.post(f"/invitations/{invitation['id']}/resend", None),
            await team.owner.delete(f"/invitations/{invitation['id']}"),
        ):
            assert problem(response) == (409, message)
        assert (await role_in(team, person), await status_of(team, invitation)) == (None, status)
    # The link says no more than any other that is not valid.
    assert (await grace.post(f"/invitations/{token}/accept", None)).status_code == 404


async def test_a_member_cannot_be_invited_and_an_added_person_needs_no_invitation_any_more(
    team: ProjectTeam, ada: ApiUser
) -> None:
    member = await team.actor("viewer")
    of_member = await team.owner.post(f"{team.path}/invitations", {"email": member.email, "role": "admin"})
    invitation = await invite(team.owner, team, ada.email, "admin")
    added = await team.owner.post(f"{team.path}/members", {"email": ada.email, "role": "viewer"})
    accepted = await ada.post(f"/invitations/{invitation['id']}/accept", None)

    assert (of_member.status_code, of_member.json()["error"]["details"]) == (
        409,
        {"email": "is that of a member already"},
    )
    assert (added.status_code, await status_of(team, invitation)) == (201, "accepted")
    assert (accepted.status_code, await role_in(team, ada)) == (409, "viewer")


async def test_no_old_invitation_leads_a_removed_member_back(
    team: ProjectTeam, ada: ApiUser, owner_sql: OwnerSql, mailbox: Mailbox
) -> None:
    await invite(team.owner, team, ada.email, "admin")
    token = await mailbox.token(ada.email)
    assert (await ada.post(f"/invitations/{token}/accept", None)).status_code == 200
    # As if it had been sent while they were a member, whatever way that was.
    await owner_sql("update public.invitations set status = 'pending' where email = $1", ada.email)
    await team.owner.delete(f"{team.path}/members/{ada.id}")

    response = await ada.post(f"/invitations/{token}/accept", None)

    assert problem(response) == (409, "The invitation has been revoked.")
    assert await role_in(team, ada) is None


async def test_each_step_is_in_the_audit_log(team: ProjectTeam, ada: ApiUser, owner_sql: OwnerSql) -> None:
    first = await invite(team.owner, team, ada.email)
    await team.owner.post(f"/invitations/{first['id']}/resend", None)
    await ada.post(f"/invitations/{first['id']}/accept", None)
    second = await invite(team.owner, team, new_address())
    await team.owner.delete(f"/invitations/{second['id']}")

    events = await owner_sql(
        "select action, actor_id, target_id from monynha.audit_events where target_type = 'invitation' "
        "and target_id = any ($1::text[]) order by created_at, number",
        [first["id"], second["id"]],
    )

    assert [(event["action"], event["actor_id"], event["target_id"]) for event in events] == [
        ("invitation.created", team.owner.id, first["id"]),
        ("invitation.resent", team.owner.id, first["id"]),
        ("invitation.accepted", ada.id, first["id"]),
        ("invitation.created", team.owner.id, second["id"]),
        ("invitation.revoked", team.owner.id, second["id"]),
    ]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": 1}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a@example.com\r\nBcc: b@example.com"}, "email"),
        ({"email": "a@example.com, b@example.com"}, "email"),
        ({"email": "\x00@example.com"}, "email"),
        ({"email": f"{'a' * 250}@example.com"}, "email"),
        ({"email": "a@example.com", "role": "owner"}, "role"),
        ({"email": "a@example.com", "role": None}, "role"),
        ({"email": "a@example.com", "status": "accepted"}, "status"),
        ({"email": "a@example.com", "invitedById": str(datetime.now(UTC))}, "invitedById"),
        ({"email": "a@example.com", "token": "x"}, "token"),
    ],
)
async def test_an_invalid_invitation_names_the_field(team: ProjectTeam, body: dict[str, object], field: str) -> None:
    with pytest.raises(ValidationFailedError) as raised:
        parse_invitation(team.owner.id, body)
    response = await team.owner.post(f"{team.path}/invitations", body)

    assert [*raised.value.details] == [field]
    assert (response.status_code, [*response.json()["error"]["details"]]) == (422, [field])
