"""Who may subscribe to which stream."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.core.actor import ANONYMOUS, Actor, ActorKind
from monynha.core.errors import AppError, NotFoundError, UnauthenticatedError
from monynha.engine.realtime.event_log import GLOBAL_STREAM_ID, Event, Stream
from monynha.engine.realtime.stream_authorization import MembershipChange, StreamAuthorizer, sees_every_stream
from monynha.infra.postgres.database import Database
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio


async def access(authorizer: StreamAuthorizer, database: Database, actor: Actor, stream: Stream) -> str:
    """Return `ok`, or the code with which access is refused."""
    try:
        await authorizer.authorize(database.as_actor(actor), stream)
    except AppError as error:
        return error.code
    return "ok"


async def test_access_to_a_project_is_membership(
    authorizer: StreamAuthorizer, database: Database, users: UserFactory, user: ApiUser
) -> None:
    project = await user.create_project()
    stream = Stream("project", UUID(project["id"]))
    viewer = await users.create_member(project, user, "viewer")
    outsider, admin = await users.create("Eve"), await users.create("Root", is_admin=True)

    assert [
        await access(authorizer, database, actor, stream)
        for actor in (user.actor, viewer.actor, admin.actor, outsider.actor, ANONYMOUS)
    ] == ["ok", "ok", "ok", NotFoundError.code, UnauthenticatedError.code]


async def test_stream_of_a_user_is_private(
    authorizer: StreamAuthorizer, database: Database, users: UserFactory, user: ApiUser
) -> None:
    own_stream = authorizer.user_stream(user.actor)
    admin = await users.create("Root", is_admin=True)

    assert own_stream == Stream("user", user.id)
    assert await access(authorizer, database, user.actor, own_stream) == "ok"
    assert await access(authorizer, database, admin.actor, own_stream) == NotFoundError.code
    assert authorizer.user_stream(ANONYMOUS) is None


async def test_ended_session_has_no_access(
    authorizer: StreamAuthorizer, database: Database, users: UserFactory, user: ApiUser
) -> None:
    stream = Stream("project", UUID((await user.create_project())["id"]))
    await users.end_session(user)

    assert await access(authorizer, database, user.actor, stream) == UnauthenticatedError.code


async def test_streams_of_a_kind_are_those_that_the_user_sees(
    authorizer: StreamAuthorizer, database: Database, users: UserFactory, user: ApiUser
) -> None:
    stream = Stream("project", UUID((await user.create_project())["id"]))
    await (await users.create("Eve")).create_project()

    assert await authorizer.list_streams(database.as_actor(user.actor), "project") == [stream]
    assert await authorizer.list_streams(database.as_actor(ANONYMOUS), "project") == []


@pytest.mark.parametrize(("verb", "is_change"), [("insert", True), ("delete", True), ("update", False)])
def test_membership_changes_by_insert_and_delete(authorizer: StreamAuthorizer, verb: str, is_change: bool) -> None:
    stream, user_id = Stream("project", uuid4()), uuid4()
    row: dict[str, object] = {"project_id": str(stream.id), "user_id": str(user_id), "role": "member"}
    event = Event(stream, 1, "members", verb, user_id, row, None, None, "2026-01-01T00:00:00+00:00")

    assert authorizer.parse_membership_change(event) == (MembershipChange(stream, user_id) if is_change else None)


def test_admins_and_the_service_key_see_every_stream() -> None:
    assert sees_every_stream(Actor(ActorKind.USER, uuid4(), is_admin=True))
    assert sees_every_stream(Actor(ActorKind.SERVICE))
    assert not sees_every_stream(Actor(ActorKind.USER, uuid4()))


async def test_an_anonymous_user_hears_nothing_of_everybody(
    authorizer: StreamAuthorizer, database: Database, users: UserFactory, user: ApiUser
) -> None:
    anonymous_user = await users.create("Guest", is_anonymous=True)
    own_project = Stream("project", UUID((await anonymous_user.create_project())["id"]))
    foreign_project = Stream("project", UUID((await user.create_project())["id"]))
    posts = Stream("everybody", GLOBAL_STREAM_ID)
    connection = database.as_actor(anonymous_user.actor)

    assert await access(authorizer, database, anonymous_user.actor, posts) == NotFoundError.code
    assert await access(authorizer, database, anonymous_user.actor, foreign_project) == NotFoundError.code
    assert await access(authorizer, database, anonymous_user.actor, own_project) == "ok"
    assert await authorizer.list_streams(connection, "everybody") == []
    assert await authorizer.list_streams(connection, "project") == [own_project]
    assert await access(authorizer, database, user.actor, posts) == "ok"
    assert await authorizer.list_streams(database.as_actor(user.actor), "everybody") == [posts]
