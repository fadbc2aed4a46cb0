"""GraphQL requests over HTTP, and sample data to query."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from tests.users import ApiUser, UserFactory

GRAPHQL = "application/graphql-response+json"


async def execute(
    user: ApiUser,
    query: str,
    variables: Mapping[str, object] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    **extra_params: object,
) -> httpx.Response:
    """Send a document as a user."""
    auth_headers = {"authorization": f"Bearer {user.token}"} if user.token else {}
    body = {"query": query, "variables": variables, **extra_params}
    return await user.client.post("/graphql", json=body, headers={**auth_headers, **(headers or {})})


async def fetch_data(user: ApiUser, query: str, **variables: object) -> Any:
    """Return the data of a document, which must have no errors."""
    response = await execute(user, query, variables)
    assert response.status_code == 200, response.text
    body = response.json()
    assert "errors" not in body, body
    return body["data"]


async def fetch_errors(user: ApiUser, query: str, **variables: object) -> list[dict[str, Any]]:
    """Return the errors of a document, without request ids; there must be some."""
    response = await execute(user, query, variables)
    assert response.status_code == 200, response.text
    errors_found: list[dict[str, Any]] = response.json()["errors"]
    for error in errors_found:
        error["extensions"].pop("requestId", None)
    return errors_found


async def error_codes(user: ApiUser, query: str, **variables: object) -> list[str]:
    """Return the codes of a document's errors, none if it has no errors."""
    body = (await execute(user, query, variables)).json()
    return [error["extensions"]["code"] for error in body.get("errors", [])]


@dataclass(frozen=True, repr=False)
class SampleData:
    """Three projects and the users in and outside of them."""

    ada: ApiUser
    grace: ApiUser
    eve: ApiUser
    admin: ApiUser

    def user_named(self, name: str) -> ApiUser:
        """Return a user by name."""
        user = getattr(self, name)
        assert isinstance(user, ApiUser)
        return user


async def create_sample_data(users: UserFactory) -> SampleData:
    """Create Ada's project with Grace as member, Grace's own project, and Eve outside of both."""
    ada, grace, eve = await users.create("Ada"), await users.create("Grace"), await users.create("Eve")
    admin = await users.create("Root", is_admin=True)
    shared = await ada.create_project(name="Shared", description="both of us")
    alone = await grace.create_project(name="Alone", settings={"colour": "red", "deep": {"list": [1, 2.5, None]}})
    await ada.create_project(name="Empty", status="active")
    await ada.post(f"/projects/{shared['id']}/members", {"userId": str(grace.id), "role": "member"})
    for index in range(7):
        due = None if index % 3 == 0 else f"2026-0{index + 1}-01T00:00:00Z"
        await ada.create_task(
            shared,
            title=f"Task {index % 4}",
            status=["todo", "in_progress", "review", "done"][index % 4],
            priority=["low", "urgent", "medium"][index % 3],
            assigneeId=[None, str(ada.id), str(grace.id)][index % 3],
            dueDate=due,
            tags=["red", "blue"][: index % 3],
            description=None if index % 2 else 'words and "quotes" \\ 100%',
        )
    await grace.create_task(alone, title="Mine alone")
    for index, author in enumerate((ada, grace, ada)):
        await author.create("/posts", {"title": f"Post {index}", "content": 'ünï\n"code"'})
    return SampleData(ada, grace, eve, admin)
