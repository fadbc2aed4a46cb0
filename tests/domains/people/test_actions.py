"""What admins do to people, and what it means for those people at once."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from monynha.core.settings.settings import Settings
from tests.conditions import wait_until
from tests.emails import SentEmail, read_emails
from tests.live_server import OwnerSql
from tests.project_team import create_project_team
from tests.protocols.graphql.requests import fetch_data, fetch_errors
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


@pytest.fixture
async def admin(users: UserFactory) -> ApiUser:
    """Return a system admin."""
    return await users.create("Root", is_admin=True)


@pytest.fixture
async def ada(users: UserFactory) -> ApiUser:
    """Return a person with a password and a session."""
    return await users.sign_up("Ada", PASSWORD)


async def sign_in(person: ApiUser, password: str = PASSWORD) -> int:
    """Sign in; return the status."""
    body = {"email": person.email, "password": password}
    return (await person.client.post("/auth/v1/token?grant_type=password", json=body)).status_code


async def act(admin: ApiUser, person: ApiUser, action: str) -> dict[str, object]:
    """Do it as an admin, and return the person as they are then."""
    response = await admin.post(f"/admin/people/{person.id}/{action}", None)
    assert response.status_code == 200, response.text
    data: dict[str, object] = response.json()["data"]
    return data


async def mail_to(settings: Settings, email: str) -> SentEmail:
    """Return the only mail to an address, once it is sent."""
    await wait_until(lambda: bool(read_emails(settings.mail_dir, email)))
    [mail] = read_emails(settings.mail_dir, email)
    return mail


async def test_a_ban_ends_every_session_at_once_and_lasts_until_it_is_lifted(admin: ApiUser, ada: ApiUser) -> None:
    banned = await act(admin, ada, "ban")
    while_banned = (await sign_in(ada), (await ada.get("/users/me")).status_code)
    lifted = await act(admin, ada, "unban")
    afterwards = (await sign_in(ada), (await ada.get("/users/me")).status_code)

    assert (banned["status"], lifted["status"]) == ("banned", "active")
    # The session that the ban ended stays ended.
    assert (while_banned, afterwards) == ((400, 401), (200, 401))


async def test_a_ban_ends_links_that_were_mailed_before(
    admin: ApiUser, ada: ApiUser, settings: Settings, owner_sql: OwnerSql
) -> None:
    await act(admin, ada, "reset-password")
    mail = await mail_to(settings, ada.email)
    await act(admin, ada, "ban")
    await act(admin, ada, "unban")

    followed = await ada.client.get(f"/auth/v1/verify?type=recovery&token={mail.token}")

    assert "otp_expired" in followed.headers["location"]
    assert await owner_sql("select from auth.sessions where user_id = $1", ada.id) == []


async def test_a_promoted_person_is_an_admin_at_once_and_a_demoted_one_no_longer(admin: ApiUser, ada: ApiUser) -> None:
    promoted = await act(admin, ada, "promote")
    as_admin = (await ada.get("/admin/people")).status_code
    demoted = await act(admin, ada, "demote")
    as_user = (await ada.get("/admin/people")).status_code

    assert (promoted["role"], demoted["role"]) == ("admin", "user")
    assert (as_admin, as_user, await sign_in(ada)) == (200, 401, 200)


async def test_demoting_somebody_who_is_no_admin_changes_nothing(admin: ApiUser, ada: ApiUser) -> None:
    before = (await admin.get(f"/admin/people/{ada.id}")).json()["data"]

    after = await act(admin, ada, "demote")

    assert after == before
    assert (await ada.get("/users/me")).status_code == 200


async def test_an_unconfirmed_account_cannot_become_an_admin(admin: ApiUser, ada: ApiUser, owner_sql: OwnerSql) -> None:
    await owner_sql("update auth.users set email_confirmed_at = null where id = $1", ada.id)

    response = await admin.post(f"/admin/people/{ada.id}/promote", None)

    assert (response.status_code, [*response.json()["error"]["details"]]) == (409, ["status"])


async def test_an_admin_cannot_ban_themselves(admin: ApiUser) -> None:
    response = await admin.post(f"/admin/people/{admin.id}/ban", None)

    assert (response.status_code, [*response.json()["error"]["details"]]) == (409, ["id"])
    assert (await admin.get("/admin/people")).status_code == 200


async def test_signing_out_ends_every_session_and_nothing_else(admin: ApiUser, ada: ApiUser) -> None:
    await act(admin, ada, "sign-out")

    assert ((await ada.get("/users/me")).status_code, await sign_in(ada)) == (401, 200)


async def test_a_password_is_reset_by_a_mailed_link_that_no_response_shows(
    admin: ApiUser, ada: ApiUser, settings: Settings
) -> None:
    response = await admin.post(f"/admin/people/{ada.id}/reset-password", None)
    mail = await mail_to(settings, ada.email)
    while_waiting = await sign_in(ada)
    followed = await ada.client.get(f"/auth/v1/verify?type=recovery&token={mail.token}")
    [access_token] = re.findall(r"access_token=([^&]+)", followed.headers["location"])
    headers = {"authorization": f"Bearer {access_token}"}
    changed = await ada.client.put("/auth/v1/user", json={"password": "another long secret"}, headers=headers)

    assert mail.token not in response.text
    assert (while_waiting, changed.status_code) == (200, 200)
    assert (await sign_in(ada), await sign_in(ada, "another long secret")) == (400, 200)


async def test_nobody_without_an_address_or_under_a_ban_gets_a_link(
    admin: ApiUser, ada: ApiUser, users: UserFactory, owner_sql: OwnerSql, settings: Settings
) -> None:
    grace = await users.create("Grace")
    await owner_sql("update auth.users set email = null, phone = $2 where id = $1", grace.id, uuid4().hex[:15])
    await act(admin, ada, "ban")

    responses = [await admin.post(f"/admin/people/{person.id}/reset-password", None) for person in (grace, ada)]

    assert [response.status_code for response in responses] == [409, 409]
    assert [[*response.json()["error"]["details"]] for response in responses] == [["email"], ["status"]]
    assert read_emails(settings.mail_dir, ada.email) == []


async def test_an_invited_person_sets_a_password_by_the_mailed_link(admin: ApiUser, settings: Settings) -> None:
    email = f"grace-{uuid4().hex[:12]}@example.com"

    invited = await admin.post("/admin/people", {"email": email.upper()})
    again = await admin.post("/admin/people", {"email": email})
    await wait_until(lambda: len(read_emails(settings.mail_dir, email)) == 2)
    mail = read_emails(settings.mail_dir, email)[-1]
    followed = await admin.client.get(f"/auth/v1/verify?type=invite&token={mail.token}")
    [access_token] = re.findall(r"access_token=([^&]+)", followed.headers["location"])
    headers = {"authorization": f"Bearer {access_token}"}
    changed = await admin.client.put("/auth/v1/user", json={"password": PASSWORD}, headers=headers)
    once_more = await admin.post("/admin/people", {"email": email})

    person = invited.json()["data"]
    assert (invited.status_code, person["email"], person["status"], person["role"]) == (
        201,
        email,
        "unconfirmed",
        "user",
    )
    assert invited.headers["location"] == f"/api/v1/admin/people/{person['id']}"
    assert (again.status_code, again.json()["data"]["id"], changed.status_code) == (201, person["id"], 200)
    assert (await admin.get(f"/admin/people/{person['id']}")).json()["data"]["status"] == "active"
    assert (once_more.status_code, once_more.json()["error"]["details"]) == (409, {"email": "is already registered"})


@pytest.mark.parametrize(
    "body",
    [{}, {"email": None}, {"email": "no address"}, {"email": "a@example.com\r\nBcc: b@example.com"}],
)
async def test_an_invalid_invitation_names_the_field(admin: ApiUser, body: dict[str, object]) -> None:
    response = await admin.post("/admin/people", body)

    assert (response.status_code, [*response.json()["error"]["details"]]) == (422, ["email"])


async def test_an_invitation_gives_no_role(admin: ApiUser) -> None:
    response = await admin.post("/admin/people", {"email": "a@example.com", "role": "admin"})

    assert (response.status_code, response.json()["error"]["details"]) == (422, {"role": "is read-only"})


async def test_deleting_names_projects_that_others_are_in_unless_they_are_to_go_too(
    admin: ApiUser, users: UserFactory
) -> None:
    team = await create_project_team(users, name="Shared")
    member = await team.actor("member")
    path = f"/admin/people/{team.owner.id}"

    refused = await admin.delete(path)
    malformed = await admin.delete(f"{path}?cascade=yes")
    deleted = await admin.delete(f"{path}?cascade=true")

    assert (refused.status_code, refused.json()["error"]["details"]) == (
        409,
        {"projects": "still have other members: Shared"},
    )
    assert (malformed.status_code, deleted.status_code) == (400, 204)
    assert ((await team.owner.get("/users/me")).status_code, (await member.get(team.path)).status_code) == (401, 404)
    assert (await admin.get(path)).status_code == (await admin.delete(path)).status_code == 404


async def test_people_are_searched_filtered_and_paged(admin: ApiUser, users: UserFactory, owner_sql: OwnerSql) -> None:
    name = f"Name{uuid4().hex[:8]}"
    people = [await users.create(name) for _ in range(4)]
    active, banned, unconfirmed, idle = people
    await act(admin, banned, "ban")
    await owner_sql("update auth.users set email_confirmed_at = null where id = $1", unconfirmed.id)
    await owner_sql("update auth.users set last_sign_in_at = '2020-01-01' where id = $1", idle.id)

    async def ids(query: str) -> set[str]:
        return {row["id"] for row in (await admin.get(f"/admin/people?q={name}&{query}")).json()["data"]}

    assert await ids("") == {str(person.id) for person in people}
    assert await ids("status=banned") == {str(banned.id)}
    assert await ids("status=unconfirmed,active") == {str(active.id), str(unconfirmed.id), str(idle.id)}
    assert await ids("role=admin") == set()
    assert await ids("noSignInSince=2021-01-01T00:00:00Z") == {str(idle.id)}
    by_address = await admin.get(f"/admin/people?q={active.email.upper()}")
    assert [row["id"] for row in by_address.json()["data"]] == [str(active.id)]
    page = (await admin.get(f"/admin/people?q={name}&sort=createdAt&limit=3&count=exact")).json()
    rest = (
        await admin.get(f"/admin/people?q={name}&sort=createdAt&limit=3&cursor={page['meta']['nextCursor']}")
    ).json()
    assert [row["id"] for row in page["data"] + rest["data"]] == [str(person.id) for person in people]
    assert (page["meta"]["total"], rest["meta"]["nextCursor"]) == (4, None)


async def test_a_person_shows_no_secret(admin: ApiUser, ada: ApiUser) -> None:
    response = await admin.get(f"/admin/people/{ada.id}")

    assert {*response.json()["data"]} == {
        "id",
        "email",
        "name",
        "role",
        "status",
        "invitedAt",
        "emailConfirmedAt",
        "lastSignInAt",
        "idleSince",
        "createdAt",
        "updatedAt",
    }
    assert "argon2" not in response.text


async def test_the_same_over_graphql(admin: ApiUser, ada: ApiUser) -> None:
    email = f"grace-{uuid4().hex[:12]}@example.com"

    invited = await fetch_data(
        admin, "mutation ($e: String!) { createPerson(input: {email: $e}) { email status } }", e=email
    )
    banned = await fetch_data(admin, "mutation ($id: ID!) { banPerson(id: $id) { status } }", id=str(ada.id))
    mail_sent = await fetch_data(
        admin,
        "mutation ($id: ID!) { unbanPerson(id: $id) { id } resetPersonPassword(id: $id) { status } }",
        id=str(ada.id),
    )
    person = await fetch_data(admin, "query ($id: ID!) { person(id: $id) { email role } }", id=str(ada.id))
    [self_ban] = await fetch_errors(admin, "mutation ($id: ID!) { banPerson(id: $id) { id } }", id=str(admin.id))
    deleted = await fetch_data(admin, "mutation ($id: ID!) { deletePerson(id: $id, cascade: true) }", id=str(ada.id))

    assert invited == {"createPerson": {"email": email, "status": "unconfirmed"}}
    assert banned == {"banPerson": {"status": "banned"}}
    assert mail_sent["resetPersonPassword"] == {"status": "active"}
    assert person == {"person": {"email": ada.email, "role": "user"}}
    assert self_ban["extensions"]["code"] == "CONFLICT"
    assert deleted == {"deletePerson": True}


async def test_each_act_is_in_the_audit_log(admin: ApiUser, ada: ApiUser, owner_sql: OwnerSql) -> None:
    for action in ("promote", "demote", "ban", "unban", "sign-out", "reset-password"):
        await act(admin, ada, action)
    await admin.delete(f"/admin/people/{ada.id}")

    events = await owner_sql(
        "select action, actor_id from monynha.audit_events where target_id = $1 and actor_id = $2 "
        "order by created_at, number",
        str(ada.id),
        admin.id,
    )

    assert [event["action"] for event in events] == [
        "user.role_changed",
        "user.role_changed",
        "user.banned",
        "user.unbanned",
        "user.signed_out",
        "user.password_reset_sent",
        "user.deleted",
    ]
