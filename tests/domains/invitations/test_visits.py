"""What the link of an invitation does for people who are not signed in: it shows, declines, and leads to joining."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import httpx
import pytest

from monynha.core.actor import ANONYMOUS
from monynha.core.errors import ConflictError, ForbiddenError, RateLimitedError
from monynha.core.settings.setting_types import Limit
from monynha.core.settings.settings import Settings
from monynha.domains.auth.composition import AuthServices
from monynha.domains.auth.errors import (
    EmailNotConfirmedError,
    InvalidCredentialsError,
    SignUpDisabledError,
    WeakPasswordError,
)
from monynha.domains.auth.services.sessions import ClientInfo
from monynha.domains.auth.services.sign_up import SignUpRequest
from monynha.domains.invitations.actions import InvitationActions
from monynha.domains.invitations.invited_addresses import InvitedAddresses
from monynha.domains.invitations.limits import InvitationLimits
from monynha.domains.invitations.visits import InvitationVisits, VisitedInvitation
from monynha.domains.users.account_hooks import ProfileHooks
from monynha.engine.query.compiler import Compiler
from monynha.engine.query.queries import Queries
from monynha.infra.postgres.database import Database
from monynha.infra.valkey import RateLimiter
from monynha.protocols.http.rate_limits import RateLimits
from tests.domains.invitations.invited_people import Mailbox, invite, new_address, role_in, status_of
from tests.emails import deliver_queued_emails, read_emails
from tests.live_server import OwnerSql
from tests.project_team import ProjectTeam
from tests.users import ApiUser

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"
MakeVisits = Callable[..., InvitationVisits]
CLIENT = ClientInfo("192.0.2.1", "a browser", "en")


@pytest.fixture
async def make_visits(database: Database, settings: Settings) -> AsyncIterator[MakeVisits]:
    """Return a function that builds visits with settings of their own."""
    built: list[AuthServices] = []

    def make(*, limits: RateLimits | None = None, **changes: object) -> InvitationVisits:
        auth = AuthServices.build(
            dataclasses.replace(settings, **changes),  # type: ignore[arg-type]  # fields of the settings
            database,
            limits=limits,
            hooks=[ProfileHooks()],
            invitations=[InvitedAddresses()],
            response_step_s=0,
            email_queue=f"email-{uuid4()}",
        )
        built.append(auth)
        actions = InvitationActions(Queries(Compiler()), InvitationLimits(None, None))
        return InvitationVisits(database, auth, actions)

    yield make
    for auth in built:
        auth.close()


@pytest.fixture
def visits(make_visits: MakeVisits) -> InvitationVisits:
    """Return visits of a program that confirms accounts at once."""
    return make_visits(autoconfirm=True)


async def visit(visits: InvitationVisits, token: str) -> VisitedInvitation:
    """Return the invitation of a token, which there must be."""
    invitation = await visits.find(token)
    assert invitation is not None
    return invitation


async def test_a_visit_shows_who_invites_whom_to_what(
    visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox
) -> None:
    email = new_address()
    created = await invite(team.owner, team, email, "viewer")
    token = await mailbox.token(email)

    invitation = await visit(visits, token)

    assert invitation == VisitedInvitation(
        created["id"], email, "viewer", team.project["id"], "Project of Owner", "Owner", "pending", False
    )
    assert invitation.is_pending
    assert await visits.find("inv_unknown") is None
    assert await visits.find("\ud800\x00") is None


async def test_a_new_person_signs_up_and_has_joined(
    visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    email = new_address()
    await invite(team.owner, team, email, "viewer")
    token = await mailbox.token(email)

    has_joined = await visits.sign_up(await visit(visits, token), token, "Grace", PASSWORD, CLIENT)

    assert has_joined
    [member] = await owner_sql(
        "select u.name, m.role from public.project_members m join public.users u on u.id = m.user_id "
        "where m.project_id = $1::uuid and u.email = $2",
        team.project["id"],
        email,
    )
    assert (member["name"], member["role"]) == ("Grace", "viewer")


async def test_where_addresses_are_confirmed_by_mail_the_link_alone_does_not_do(
    make_visits: MakeVisits,
    team: ProjectTeam,
    mailbox: Mailbox,
    settings: Settings,
    tmp_path: Path,
    database: Database,
) -> None:
    visits = make_visits(autoconfirm=False)
    email = new_address()
    invitation = await invite(team.owner, team, email)
    token = await mailbox.token(email)

    has_joined = await visits.sign_up(await visit(visits, token), token, "Grace", PASSWORD, CLIENT)
    before = (await visit(visits, token)).is_registered
    queue = visits.auth.mailer.queue
    await deliver_queued_emails(database, queue, tmp_path, site_url=settings.site_url, clock=lambda: datetime.now(UTC))
    [confirmation] = read_emails(tmp_path, email)
    back = parse_qs(urlsplit(confirmation.link).query)["redirect_to"][0]
    await visits.auth.verification.follow_link(confirmation.token, "signup", CLIENT)
    await visits.sign_in(await visit(visits, token), token, PASSWORD, CLIENT)

    assert (has_joined, before) == (False, False)
    assert back == f"{settings.site_url}/invitations?token={token}"
    assert await status_of(team, invitation) == "accepted"


async def test_whoever_signed_up_with_the_address_before_does_not_get_in(
    make_visits: MakeVisits, team: ProjectTeam, mailbox: Mailbox
) -> None:
    visits = make_visits(autoconfirm=False)
    email = new_address()
    invitation = await invite(team.owner, team, email)
    token = await mailbox.token(email)
    await visits.auth.accounts.sign_up(SignUpRequest(email, "the password of eve", "Eve"), CLIENT)

    with pytest.raises(EmailNotConfirmedError):
        await visits.sign_in(await visit(visits, token), token, "the password of eve", CLIENT)

    assert await status_of(team, invitation) == "pending"


@pytest.fixture
async def grace(visits: InvitationVisits) -> ApiUser:
    """Return somebody with an account, a password and no session."""
    email = new_address()
    account = await visits.auth.accounts.create_confirmed(email, PASSWORD, "Grace")
    return ApiUser(account.id, "Grace", email, uuid4(), "", ANONYMOUS, httpx.AsyncClient())


async def test_a_person_with_an_account_joins_by_their_password_and_no_session_is_left(
    visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox, grace: ApiUser, owner_sql: OwnerSql
) -> None:
    await invite(team.owner, team, grace.email, "admin")
    token = await mailbox.token(grace.email)
    invitation = await visit(visits, token)

    with pytest.raises(InvalidCredentialsError):
        await visits.sign_in(invitation, token, "wrong", CLIENT)
    await visits.sign_in(invitation, token, PASSWORD, CLIENT)

    assert (invitation.is_registered, await role_in(team, grace)) == (True, "admin")
    assert await owner_sql("select from auth.sessions where user_id = $1", grace.id) == []


async def test_no_session_is_left_where_joining_is_refused(
    visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox, grace: ApiUser, owner_sql: OwnerSql
) -> None:
    admin = await team.actor("admin")
    await invite(admin, team, grace.email)
    token = await mailbox.token(grace.email)
    await team.owner.delete(f"{team.path}/members/{admin.id}")

    with pytest.raises(ForbiddenError):
        await visits.sign_in(await visit(visits, token), token, PASSWORD, CLIENT)

    assert await owner_sql("select from auth.sessions where user_id = $1", grace.id) == []


async def test_guesses_at_the_password_are_limited(
    make_visits: MakeVisits, team: ProjectTeam, mailbox: Mailbox, grace: ApiUser
) -> None:
    limits = RateLimits(RateLimiter(None), auth_per_account=Limit(2, 900), auth_per_ip=Limit(20, 900))
    visits = make_visits(limits=limits)
    await invite(team.owner, team, grace.email)
    token = await mailbox.token(grace.email)
    invitation = await visit(visits, token)

    for _ in range(2):
        with pytest.raises(InvalidCredentialsError):
            await visits.sign_in(invitation, token, "wrong", CLIENT)
    with pytest.raises(RateLimitedError):
        await visits.sign_in(invitation, token, PASSWORD, CLIENT)


async def test_a_weak_password_and_closed_sign_up_are_refused(
    visits: InvitationVisits, make_visits: MakeVisits, team: ProjectTeam, mailbox: Mailbox
) -> None:
    email = new_address()
    await invite(team.owner, team, email)
    token = await mailbox.token(email)
    invitation = await visit(visits, token)
    closed = make_visits(signup="off")
    by_invitation = make_visits(signup="invited")

    with pytest.raises(WeakPasswordError):
        await visits.sign_up(invitation, token, "Grace", "short", CLIENT)
    with pytest.raises(SignUpDisabledError):
        await closed.sign_up(invitation, token, "Grace", PASSWORD, CLIENT)
    assert await by_invitation.sign_up(invitation, token, "Grace", PASSWORD, CLIENT)


async def test_the_link_declines_once_and_not_what_has_ended(
    visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox, owner_sql: OwnerSql
) -> None:
    email = new_address()
    invitation = await invite(team.owner, team, email)
    token = await mailbox.token(email)

    answers = [await visits.decline(token), await visits.decline(token), await visits.decline("inv_unknown")]

    assert answers == [True, False, False]
    assert await status_of(team, invitation) == "declined"
    [event] = await owner_sql(
        "select actor_role from monynha.audit_events where action = 'invitation.declined' and target_id = $1",
        invitation["id"],
    )
    assert event["actor_role"] == "anon"


async def test_a_used_link_says_so(visits: InvitationVisits, team: ProjectTeam, mailbox: Mailbox) -> None:
    email = new_address()
    await invite(team.owner, team, email)
    token = await mailbox.token(email)
    invitation = await visit(visits, token)
    await visits.sign_up(invitation, token, "Grace", PASSWORD, CLIENT)

    with pytest.raises(ConflictError):
        await visits.sign_in(invitation, token, PASSWORD, CLIENT)

    assert (await visit(visits, token)).status == "accepted"
