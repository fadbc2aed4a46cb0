"""The page behind the link of an invitation: opening it changes nothing, its forms join or decline."""

from __future__ import annotations

import re
from urllib.parse import urlencode

import httpx
import pytest

from monynha.core.settings.settings import Settings
from tests.domains.invitations.invited_people import Mailbox, invite, new_address, status_of
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam, create_project_team
from tests.users import UserFactory

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


@pytest.fixture
async def team(users: UserFactory) -> ProjectTeam:
    """Return a project and its owner."""
    return await create_project_team(users, name="Website <relaunch> & {email}")


@pytest.fixture
def mailbox(settings: Settings) -> Mailbox:
    """Return the mails that the program has sent."""
    return Mailbox(settings)


@pytest.fixture
def email() -> str:
    """Return the invited address, which is not registered."""
    return new_address()


@pytest.fixture
async def token(team: ProjectTeam, mailbox: Mailbox, email: str) -> str:
    """Return the token of an invitation."""
    await invite(team.owner, team, email, "viewer")
    return await mailbox.token(email)


def forms_of(page: httpx.Response) -> dict[str, set[str]]:
    """Return the names of the fields of each form, by the last part of its address."""
    forms = re.findall(r'<form method="post" action="/invitations/([a-z-]+)\?token=[^"]+">(.*?)</form>', page.text)
    return {action: set(re.findall(r'name="([a-z]+)"', body)) for action, body in forms}


async def send(client: httpx.AsyncClient, action: str, token: str, **fields: str) -> httpx.Response:
    """Send a form of the page, as a browser does."""
    return await client.post(
        f"/invitations/{action}?{urlencode({'token': token})}",
        content=urlencode(fields),
        headers={"content-type": "application/x-www-form-urlencoded"},
    )


async def test_the_page_shows_the_invitation_and_changes_nothing(
    client: httpx.AsyncClient, token: str, email: str, team: ProjectTeam
) -> None:
    page = await client.get(f"/invitations?token={token}")

    assert page.status_code == 200
    assert "<h1>Join Website &lt;relaunch&gt; &amp; {email}</h1>" in page.text
    assert f"Owner invites you to this project as a viewer. The invitation is for {email}." in page.text
    assert forms_of(page) == {"sign-up": {"name", "password"}, "decline": set()}
    [invitation] = (await team.owner.get(f"{team.path}/invitations")).json()["data"]
    assert invitation["status"] == "pending"


async def test_the_page_runs_no_script_keeps_its_address_and_is_not_stored(
    client: httpx.AsyncClient, token: str
) -> None:
    page = await client.get(f"/invitations?token={token}")

    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "form-action 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert (page.headers["referrer-policy"], page.headers["cache-control"]) == ("no-referrer", "no-store")
    assert "set-cookie" not in page.headers
    assert "<script" not in page.text


async def test_a_new_person_signs_up_and_joins(
    client: httpx.AsyncClient, token: str, email: str, team: ProjectTeam
) -> None:
    page = await send(client, "sign-up", token, name="Grace", password=PASSWORD)
    again = await client.get(f"/invitations?token={token}")
    sign_in = await client.post("/auth/v1/token?grant_type=password", json={"email": email, "password": PASSWORD})

    assert page.status_code == 200
    assert "You have joined Website" in page.text
    assert "You have joined already" in again.text
    assert sign_in.status_code == 200
    members = (await team.owner.get(f"{team.path}/members?include=user")).json()["data"]
    assert {member["user"]["name"]: member["role"] for member in members} == {"Owner": "owner", "Grace": "viewer"}


async def test_a_person_with_an_account_signs_in_and_joins(
    client: httpx.AsyncClient, users: UserFactory, team: ProjectTeam, mailbox: Mailbox
) -> None:
    grace = await users.sign_up("Grace", PASSWORD)
    await invite(team.owner, team, grace.email)
    token = await mailbox.token(grace.email)

    offered = await client.get(f"/invitations?token={token}")
    refused = await send(client, "sign-in", token, password="wrong")
    joined = await send(client, "sign-in", token, password=PASSWORD)

    assert forms_of(offered) == {"sign-in": {"password"}, "decline": set()}
    assert refused.status_code == 400
    assert 'role="alert">The password is not right.' in refused.text
    assert forms_of(refused) == forms_of(offered)
    assert "You have joined" in joined.text
    assert (await grace.get(team.path)).json()["data"]["myRole"] == "member"


async def test_a_refused_form_says_why_and_keeps_what_was_typed(client: httpx.AsyncClient, token: str) -> None:
    weak = await send(client, "sign-up", token, name='"><b>Grace', password="short")
    without_name = await send(client, "sign-up", token, password=PASSWORD, name="")

    assert weak.status_code == 422
    assert "The password must be at least 8 characters." in weak.text
    assert 'value="&quot;&gt;&lt;b&gt;Grace"' in weak.text
    # Without a name the address gives one, as everywhere.
    assert without_name.status_code == 200


async def test_declining_is_one_click(client: httpx.AsyncClient, token: str, team: ProjectTeam) -> None:
    declined = await send(client, "decline", token)
    again = await send(client, "decline", token)
    sign_up = await send(client, "sign-up", token, name="Grace", password=PASSWORD)

    assert (declined.status_code, again.status_code, sign_up.status_code) == (200, 404, 404)
    assert "You have declined the invitation" in declined.text
    [invitation] = (await team.owner.get(f"{team.path}/invitations")).json()["data"]
    assert invitation["status"] == "declined"


@pytest.mark.parametrize(("status", "title"), [("revoked", "was withdrawn"), ("expired", "has expired")])
async def test_an_invitation_that_is_over_has_no_forms(
    client: httpx.AsyncClient, token: str, team: ProjectTeam, owner_sql: OwnerSql, email: str, status: str, title: str
) -> None:
    await owner_sql("update public.invitations set status = $2 where email = $1", email, status)

    page = await client.get(f"/invitations?token={token}")
    sign_up = await send(client, "sign-up", token, name="Grace", password=PASSWORD)

    assert title in page.text
    assert (forms_of(page), forms_of(sign_up)) == ({}, {})
    assert await owner_sql("select from auth.users where email = $1", email) == []


@pytest.mark.parametrize("query", ["", "?token=", "?token=inv_x", "?token=%00", "?token=%F0%9F%92%A9"])
async def test_a_wrong_link_is_not_valid(client: httpx.AsyncClient, query: str) -> None:
    page = await client.get(f"/invitations{query}")

    assert (page.status_code in (400, 404), "<form" in page.text) == (True, False)


async def test_what_is_no_form_is_refused(client: httpx.AsyncClient, token: str, team: ProjectTeam) -> None:
    responses = [
        await client.post(f"/invitations/sign-up?token={token}", json={"name": "Grace", "password": PASSWORD}),
        await client.post(
            f"/invitations/sign-up?token={token}",
            content="name=a&name=b&password=" + PASSWORD.replace(" ", "+"),
            headers={"content-type": "application/x-www-form-urlencoded"},
        ),
    ]

    assert [response.status_code for response in responses] == [400, 400]
    [invitation] = (await team.owner.get(f"{team.path}/invitations")).json()["data"]
    assert await status_of(team, invitation) == "pending"


async def test_the_page_is_in_the_language_of_its_reader(client: httpx.AsyncClient, token: str) -> None:
    page = await client.get(f"/invitations?token={token}", headers={"accept-language": "pt-BR"})

    assert '<html lang="pt-BR">' in page.text
    assert "Owner convidou você para este projeto como observador." in page.text
