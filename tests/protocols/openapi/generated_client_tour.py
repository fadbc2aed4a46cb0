"""The tour of the README, as a program that uses the generated client.

The test generates the client from the document, runs this file and checks its types.
"""

from __future__ import annotations

import json
import os
from http import HTTPStatus

import httpx
from monynha_client import AuthenticatedClient, Client
from monynha_client.api.members import create_member
from monynha_client.api.projects import create_project, get_project
from monynha_client.api.tasks import create_task, list_project_tasks, update_task
from monynha_client.api.users import create_user
from monynha_client.models import (
    ErrorAnswer,
    MemberAnswer,
    MemberCreateByEmail,
    MemberCreateByEmailRole,
    ProjectAnswer,
    ProjectCreate,
    ProjectPartAnswer,
    TaskAnswer,
    TaskCreate,
    TaskCreatePriority,
    TaskPage,
    TaskUpdate,
    TaskUpdateStatus,
    User,
    UserAnswer,
    UserCreate,
)

URL = os.environ["URL"]


def sign_up(name: str) -> User:
    """Create an account."""
    account = UserCreate(name=name, email=f"{name.lower()}@tour.example.com", password="a long secret")
    response = create_user.sync(client=Client(base_url=URL), body=account)
    assert isinstance(response, UserAnswer)
    return response.data


def sign_in(user: User) -> AuthenticatedClient:
    """Return a client with the access token of a user; sign-in is GoTrue's API, not part of the document."""
    credentials = {"email": user.email, "password": "a long secret"}
    token = httpx.post(f"{URL}/auth/v1/token?grant_type=password", json=credentials).json()["access_token"]
    return AuthenticatedClient(base_url=URL, token=token)


def main() -> None:
    """Run the tour, and print the result of each step as JSON."""
    ines, sam = sign_up("Ines"), sign_up("Sam")
    as_ines, as_sam = sign_in(ines), sign_in(sam)

    created = create_project.sync(client=as_ines, body=ProjectCreate(name="Website relaunch"))
    assert isinstance(created, ProjectAnswer)
    project = created.data

    hidden_project = get_project.sync_detailed(project.id, client=as_sam)
    assert isinstance(hidden_project.parsed, ErrorAnswer)

    membership = MemberCreateByEmail(email=str(sam.email), role=MemberCreateByEmailRole.VIEWER)
    created_member = create_member.sync(project.id, client=as_ines, body=membership)
    assert isinstance(created_member, MemberAnswer)

    denied_task = create_task.sync_detailed(project.id, client=as_sam, body=TaskCreate(title="Build"))
    assert isinstance(denied_task.parsed, ErrorAnswer)

    new_task = TaskCreate(title="Build the start page", priority=TaskCreatePriority.URGENT, tags=["build"])
    created_task = create_task.sync(project.id, client=as_ines, body=new_task)
    assert isinstance(created_task, TaskAnswer)
    updated_task = update_task.sync(created_task.data.id, client=as_ines, body=TaskUpdate(status=TaskUpdateStatus.DONE))
    assert isinstance(updated_task, TaskAnswer)

    page = list_project_tasks.sync(project.id, client=as_sam, status="done,review", tag="build")
    assert isinstance(page, TaskPage)

    fields = "name,myRole,members.role,members.user.name,tasks.title"
    # With `fields` a response has a schema of its own, which OpenAPI cannot say of a parameter.
    selected = as_sam.get_httpx_client().get(
        f"/api/v1/projects/{project.id}", params={"include": "members.user,tasks", "fields": fields}
    )
    visible_project = ProjectPartAnswer.from_dict(selected.json())

    steps = {
        "unseen": [
            hidden_project.status_code == HTTPStatus.NOT_FOUND,
            hidden_project.parsed.error.code.value,
        ],
        "refused": [denied_task.status_code == HTTPStatus.FORBIDDEN, denied_task.parsed.error.code.value],
        "tasks": [task.title for task in page.data],
        "project": visible_project.data.to_dict(),
    }
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
