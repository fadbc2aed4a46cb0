"""What the mail of an invitation says, in which language, and what it never says."""

from __future__ import annotations

import re

import pytest

from monynha.domains.invitations.mailer import mailable_name
from tests.domains.invitations.invited_people import Mailbox, invite, new_address
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam, create_project_team
from tests.users import UserFactory

pytestmark = pytest.mark.anyio


async def test_the_mail_names_the_project_its_sender_and_the_way_in(team: ProjectTeam, mailbox: Mailbox) -> None:
    email = new_address()
    await invite(team.owner, team, email, "admin")

    [mail] = await mailbox.wait_for(email)

    assert mail.subject == "You are invited to Project of Owner"
    assert "Owner invites you to the project Project of Owner" in mail.text
    assert "You will also manage the project and its members." in mail.text
    site_url = mailbox.settings.site_url
    urls = re.findall(r"https?://[^\"'\s<>]+", mail.text)
    assert [url for url in urls if not url.startswith(f"{site_url}/")] == []
    assert len([url for url in urls if url.startswith(f"{site_url}/invitations?token=inv_")]) == 1


async def test_the_mail_is_in_the_language_of_its_reader_else_of_its_sender(
    team: ProjectTeam, users: UserFactory, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    grace, stranger = await users.create("Grace"), new_address()
    await owner_sql(
        "update auth.users set user_metadata = user_metadata || $2 where id = $1", grace.id, '{"locale": "en"}'
    )
    headers = {"accept-language": "pt-BR"}
    for email in (grace.email, stranger):
        await team.owner.post(f"{team.path}/invitations", {"email": email}, headers=headers)

    [to_grace], [to_stranger] = await mailbox.wait_for(grace.email), await mailbox.wait_for(stranger)

    assert to_grace.subject == "You are invited to Project of Owner"
    assert to_stranger.subject == "Convite para Project of Owner"
    assert "Owner convidou você para o projeto Project of Owner" in to_stranger.text


@pytest.mark.parametrize(
    "name",
    [
        "Buy now at https://evil.example",
        "www.evil.example",
        "evil.example/login",
        "Bank of support@evil.example",
        "Паспорт.рф",
    ],
)
async def test_a_name_that_would_become_a_link_is_left_out(users: UserFactory, mailbox: Mailbox, name: str) -> None:
    team = await create_project_team(users, name=name)
    email = new_address()
    await invite(team.owner, team, email)

    [mail] = await mailbox.wait_for(email)

    assert mail.subject == "You are invited to a project"
    assert name not in mail.text
    assert name not in mail.html
    assert "evil.example" not in mail.text + mail.html


async def test_names_stay_in_their_line_and_are_no_markup(users: UserFactory, mailbox: Mailbox) -> None:
    name = "Plan\r\nBcc: eve\r\n\r\n<b>{{ 7 * 7 }}</b>\u202e"
    team = await create_project_team(users, name=name)
    email = new_address()
    await invite(team.owner, team, email)

    [mail] = await mailbox.wait_for(email)

    assert mail.to == email
    assert "\nBcc" not in mail.text
    assert "<b>{{" not in mail.html
    assert "49" not in mail.subject
    assert "\u202e" not in mail.text + mail.html + mail.subject


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Website relaunch", "Website relaunch"),
        ("Release 2.0", "Release 2.0"),
        ("Q3 (draft)", "Q3 (draft)"),
        ("a" * 61, "a" * 59 + "…"),
        ("example.com", ""),
        ("me@here", ""),
        ("ftp://x", ""),
        ("", ""),
    ],
)
def test_a_name_is_short_and_no_link(name: str, expected: str) -> None:
    assert mailable_name(name) == expected
