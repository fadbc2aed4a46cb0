"""Sign-up and change of the email address, over REST and GraphQL."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import httpx
import pytest

from monynha.app.composition.application import Application
from monynha.core.errors import InsufficientAalError
from monynha.domains.users.actions import UserActions
from monynha.infra.embedded import ServerUrls
from monynha.infra.postgres.connect import with_session_setting
from monynha.infra.postgres.database import Database
from tests.live_server import OwnerSql
from tests.protocols.graphql.requests import error_codes, fetch_data
from tests.users import ApiUser, UserFactory

pytestmark = pytest.mark.anyio

PASSWORD = "a long passphrase 7!"


def sign_up_body(**changes: Any) -> dict[str, Any]:
    return {"name": "Grace", "email": f"grace-{uuid4().hex}@example.com", "password": PASSWORD, **changes}


async def sign_up(client: httpx.AsyncClient, body: Any) -> httpx.Response:
    return await client.post("/api/v1/users", json=body)


async def test_sign_up_returns_the_own_profile(client: httpx.AsyncClient) -> None:
    body = sign_up_body()

    response = await sign_up(client, body)

    profile = response.json()["data"]
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/users/{profile['id']}"
    assert (profile["name"], profile["email"]) == (body["name"], body["email"])
    assert (profile["avatarUrl"], profile["emailVerified"]) == (None, True)
    assert "password" not in profile


async def test_the_new_user_can_sign_in(client: httpx.AsyncClient) -> None:
    body = sign_up_body()
    await sign_up(client, body)

    credentials = {"email": body["email"], "password": PASSWORD}
    response = await client.post("/auth/v1/token?grant_type=password", json=credentials)

    assert response.status_code == 200, response.text


async def test_sign_up_reports_all_invalid_fields_at_once(client: httpx.AsyncClient) -> None:
    response = await sign_up(client, {"email": 7, "password": "short", "emailVerified": True, "role": "admin"})

    details = response.json()["error"]["details"]
    assert response.status_code == 422
    assert details.keys() == {"name", "email", "password", "emailVerified", "role"}
    assert (details["name"], details["emailVerified"]) == ("is required", "is read-only")


async def test_sign_up_with_a_registered_email_is_a_conflict(client: httpx.AsyncClient, user: ApiUser) -> None:
    response = await sign_up(client, sign_up_body(email=user.email.upper()))

    assert response.status_code == 409
    assert response.json()["error"]["details"] == {"email": "is already registered"}


async def test_an_email_is_changed_together_with_other_fields(user: ApiUser) -> None:
    email = f"new-{user.email}"

    response = await user.put("/users/me", {"email": email.upper(), "name": "Countess"})

    profile = response.json()["data"]
    assert response.status_code == 200
    assert (profile["email"], profile["name"]) == (email, "Countess")


async def test_changing_to_a_registered_email_changes_nothing(users: UserFactory, user: ApiUser) -> None:
    other = await users.create("Grace")

    response = await user.put("/users/me", {"email": other.email, "name": "Countess"})

    profile = (await user.get("/users/me")).json()["data"]
    assert response.status_code == 409
    assert response.json()["error"]["message"] == "The email address is already registered."
    assert (profile["email"], profile["name"]) == (user.email, "Ada")


async def test_an_invalid_change_of_email_reports_all_invalid_fields(user: ApiUser) -> None:
    response = await user.put("/users/me", {"email": "no address", "name": "", "createdAt": None})

    assert response.status_code == 422
    assert response.json()["error"]["details"].keys() == {"email", "name", "createdAt"}


async def test_the_email_of_another_user_cannot_be_changed(users: UserFactory, user: ApiUser) -> None:
    other = await users.create("Grace")

    response = await user.put(f"/users/{other.id}", {"email": f"new-{other.email}"})

    assert response.status_code == 403
    assert (await other.get("/users/me")).json()["data"]["email"] == other.email


async def test_an_email_is_not_changed_if_the_version_does_not_match(user: ApiUser) -> None:
    response = await user.put("/users/me", {"email": f"new-{user.email}"}, headers={"if-match": '"99-x"'})

    assert response.status_code == 412
    assert (await user.get("/users/me")).json()["data"]["email"] == user.email


async def test_graphql_signs_up_and_changes_the_email_like_rest(users: UserFactory, user: ApiUser) -> None:
    create = "mutation ($input: CreateUserInput!) { createUser(input: $input) { id name email } }"
    update = "mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { email name } }"
    body = sign_up_body()
    email = f"new-{user.email}"

    created = await fetch_data(users.anonymous(), create, input=body)
    codes = await error_codes(users.anonymous(), create, input=body)
    changed = await fetch_data(user, update, id=str(user.id), input={"email": email, "name": "Countess"})

    assert (created["createUser"]["name"], created["createUser"]["email"]) == (body["name"], body["email"])
    assert codes == ["CONFLICT"]
    assert changed["updateUser"] == {"email": email, "name": "Countess"}


async def test_an_address_wants_the_second_factor_of_its_owner_even_where_nothing_else_does(
    users: UserFactory, program: Application, running_servers: ServerUrls, owner_sql: OwnerSql
) -> None:
    user = await users.create()
    await owner_sql("update auth.users set has_second_factor = true where id = $1", user.id)
    actions, address = UserActions(program.auth.accounts), f"{uuid4().hex}@example.com"
    database = await Database.open(
        with_session_setting(running_servers.database_url, "monynha.require_mfa", "none"), size=1
    )

    async def change_address(user: ApiUser, address: str) -> object:
        async def update(body: object, is_checked: bool) -> object:
            return body

        connection, body = database.as_actor(user.actor), {"email": address}
        return await actions.update_profile(connection, body, lambda: user.id, update)

    try:
        with pytest.raises(InsufficientAalError):
            await change_address(user, address)
        assert await change_address(user, user.email) == {}
        assert await change_address(await users.with_aal2(user), address) == {}
    finally:
        await database.close()
