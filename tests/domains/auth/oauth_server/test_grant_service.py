"""Exchanges that race with what ends them: no session is left over, whoever comes first."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application


async def count_sessions(auth_app: AuthApp, application: Application) -> int:
    """Return how many sessions of the application there are."""
    async with auth_app.repository.transaction() as transaction:
        count = await transaction.fetch_value(
            "select count(*) from auth.sessions where oauth_client_id = $1", application.client_id
        )
    assert isinstance(count, int)  # count(*) is a bigint
    return count


async def disable(application: Application, _: dict[str, Any]) -> None:
    await application.auth_app.auth.oauth_server.clients.update(application.client_id, {"enabled": False})


async def delete(application: Application, _: dict[str, Any]) -> None:
    await application.auth_app.auth.oauth_server.clients.delete(application.client_id)


async def revoke(application: Application, person: dict[str, Any]) -> None:
    path = f"/user/oauth/grants?client_id={application.id}"
    assert (await application.auth_app.delete(path, person["access_token"])).status_code == 204


@pytest.mark.parametrize("end", [disable, delete, revoke], ids=["disabled", "deleted", "revoked"])
async def test_no_session_survives_what_ends_the_access_while_it_begins(oauth_app: AuthApp, end: Any) -> None:
    person = await oauth_app.sign_up()
    for _ in range(4):
        application = await Application.register(oauth_app)
        codes = [await application.code_for(person["access_token"], prompt="consent") for _ in range(4)]

        await asyncio.gather(*(application.exchange(code) for code in codes), end(application, person))

        assert await count_sessions(oauth_app, application) == 0


async def test_racing_refreshes_give_all_the_same_token(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])

    responses = await asyncio.gather(*(application.refresh(tokens["refresh_token"]) for _ in range(5)))

    assert {response.status_code for response in responses} == {200}
    assert len({response.json()["refresh_token"] for response in responses}) == 1


async def test_a_session_has_the_assurance_of_the_one_that_approved_it_and_its_clients_name(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, client_name="Charts")
    tokens = await application.tokens_for(person["access_token"])
    await application.refresh(tokens["refresh_token"])

    async with oauth_app.repository.transaction() as transaction:
        row = await transaction.fetch_row(
            "select aal, amr::text, device, oauth_scopes from auth.sessions where oauth_client_id = $1",
            application.client_id,
        )

    assert row is not None
    assert (row["aal"], row["device"], row["oauth_scopes"]) == ("aal1", "Charts", ["read", "email"])
    assert '"oauth_provider/authorization_code"' in row["amr"]
    assert '"password"' in row["amr"]
