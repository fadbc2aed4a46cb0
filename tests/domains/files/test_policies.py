"""Who can read, upload and delete files: the rights table of the contract, over REST."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.files.file_client import send_file, upload, wait_until_processed
from tests.infra.images.samples import png
from tests.project_team import ProjectTeam, StatusByVerb, create_project_team, rights_table
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

ACTIVE = """
                 list  read  content  thumbnail  upload  delete
    anonymous     401   401      401        401     401     401
    outsider      404   404      404        404     404     404
    removed       404   404      404        404     404     404
    viewer        200   200      200        200     403     403
    member        200   200      200        200     201     204
    admin         200   200      200        200     201     204
    owner         200   200      200        200     201     204
    system_admin  200   200      200        200     201     204
"""
ARCHIVED = """
                 list  read  content  thumbnail  upload  delete
    outsider      404   404      404        404     404     404
    viewer        200   200      200        200     403     403
    member        200   200      200        200     403     403
    owner         200   200      200        200     403     403
    system_admin  200   200      200        200     403     403
"""


async def _statuses(team: ProjectTeam, actor: ApiUser, file: dict[str, Any]) -> StatusByVerb:
    """Return the status of each verb for the actor; the delete comes last."""
    item_path = f"/files/{file['id']}"
    return {
        "list": (await actor.get(f"{team.path}/files")).status_code,
        "read": (await actor.get(item_path)).status_code,
        "content": (await actor.get(f"{item_path}/content")).status_code,
        "thumbnail": (await actor.get(f"{item_path}/thumbnails/100")).status_code,
        "upload": (await send_file(actor, team.project)).status_code,
        "delete": (await actor.delete(item_path)).status_code,
    }


async def _image_of(team: ProjectTeam) -> dict[str, Any]:
    file = await upload(team.owner, team.project, png(8, 8), name="dot.png")
    processed: dict[str, Any] = await wait_until_processed(team.owner, file["id"])
    return processed


@pytest.mark.parametrize(("name", "expected"), rights_table(ACTIVE))
async def test_files_of_an_active_project_can_be_read_and_changed_by(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    file = await _image_of(team)

    assert await _statuses(team, await team.actor(name), file) == expected


@pytest.mark.parametrize(("name", "expected"), rights_table(ARCHIVED))
async def test_files_of_an_archived_project_are_read_only(
    users: UserFactory, name: str, expected: StatusByVerb
) -> None:
    team = await create_project_team(users)
    file = await _image_of(team)
    actor = await team.actor(name)
    await team.archive()

    assert await _statuses(team, actor, file) == expected
