"""What an export holds: all that is one's own and may be seen, and nothing else."""

from __future__ import annotations

import pytest

from tests.domains.exports.conftest import Export, read_json
from tests.domains.files.file_client import upload
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio
PASSWORD = "correct horse battery"


async def test_an_export_holds_all_that_is_ones_own(user: ApiUser, export: Export) -> None:
    project = await user.create_project(name="Garden")
    task = await user.create_task(project, title="Dig", assigneeId=str(user.id))
    await user.create_task(project, title="Nobody's")
    post = await user.create("/posts", {"title": "Hello", "content": "World"})
    file = await upload(user, project, b"plain text", name="notes.txt")

    archive = await export(user)

    assert read_json(archive, "profile.json")["email"] == user.email
    account = read_json(archive, "account.json")
    assert (account["id"], account["email"], account["hasPassword"]) == (str(user.id), user.email, False)
    assert [row["id"] for row in read_json(archive, "sessions.json")] == [str(user.session_id)]
    assert [row["id"] for row in read_json(archive, "posts.json")] == [post["id"]]
    assert [row["id"] for row in read_json(archive, "owned-projects.json")] == [project["id"]]
    assert [(row["projectId"], row["role"]) for row in read_json(archive, "memberships.json")] == [
        (project["id"], "owner")
    ]
    assert [row["id"] for row in read_json(archive, "assigned-tasks.json")] == [task["id"]]
    assert [row["id"] for row in read_json(archive, "files.json")] == [file["id"]]
    assert read_json(archive, "notifications.json") == []
    assert {row["actorId"] for row in read_json(archive, "activity.json")} == {str(user.id)}
    assert [archive.read(name) for name in archive.namelist() if name.startswith("files/")] == [b"plain text"]
    assert read_json(archive, "export.json")["userId"] == str(user.id)


async def test_long_lists_are_whole(user: ApiUser, export: Export) -> None:
    titles = [f"Post {number}" for number in range(123)]
    for title in titles:
        await user.create("/posts", {"title": title, "content": "x"})

    archive = await export(user)

    assert sorted(row["title"] for row in read_json(archive, "posts.json")) == sorted(titles)


async def test_an_export_holds_nothing_of_others_and_no_secret(users: UserFactory, export: Export) -> None:
    user, other = await users.sign_up("Ada", PASSWORD), await users.sign_up("Eve", PASSWORD)
    project = await other.create_project(name="Shared")
    await other.create(f"/projects/{project['id']}/members", {"userId": str(user.id), "role": "member"})
    await other.create_task(project, title="A task of Eve", assigneeId=str(other.id))
    await upload(other, project, b"a file of Eve", name="eve.txt")
    await other.create("/posts", {"title": "A post of Eve", "content": "x"})
    secret_project = await other.create_project(name="Hidden")
    await upload(user, project, b"a file of Ada", name="ada.txt")

    archive = await export(user)

    everything = b"\n".join(archive.read(name) for name in archive.namelist()).decode()
    assert "a file of Ada" in everything
    for text in (other.email, "of Eve", "Hidden", secret_project["id"], str(other.session_id)):
        assert text not in everything
    for text in ("$argon2", "password_hash", "passwordHash", "refresh_counter", "rotated_at"):
        assert text not in everything
    assert [row["role"] for row in read_json(archive, "memberships.json")] == ["member"]
    assert read_json(archive, "owned-projects.json") == []


async def test_a_removed_member_exports_nothing_of_the_project(
    users: UserFactory, user: ApiUser, export: Export
) -> None:
    project = await user.create_project(name="Left behind")
    bob = await users.create_member(project, user, "member", "Bob")
    await upload(bob, project, b"a file of Bob")
    await user.create_task(project, title="Dig", assigneeId=str(bob.id))
    await user.delete(f"/projects/{project['id']}/members/{bob.id}")

    archive = await export(bob)

    assert read_json(archive, "files.json") == []
    assert read_json(archive, "memberships.json") == []
    assert read_json(archive, "assigned-tasks.json") == []
    assert read_json(archive, "activity.json") == []
    everything = b"\n".join(archive.read(name) for name in archive.namelist())
    assert b"a file of Bob" not in everything
    assert b"Left behind" not in everything


async def test_a_viewer_exports_their_membership_only(users: UserFactory, user: ApiUser, export: Export) -> None:
    project = await user.create_project(name="Watched")
    await user.create_task(project, title="Secret of the project")
    viewer = await users.create_member(project, user, "viewer")

    archive = await export(viewer)

    assert [row["role"] for row in read_json(archive, "memberships.json")] == ["viewer"]
    everything = b"\n".join(archive.read(name) for name in archive.namelist())
    assert b"Secret of the project" not in everything
