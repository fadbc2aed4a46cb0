"""Consents add up, are a person's own, and end with the account."""

from __future__ import annotations

from uuid import UUID

from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application


async def test_revoking_leaves_other_people_and_other_applications_alone(oauth_app: AuthApp) -> None:
    ada, grace = await oauth_app.sign_up(), await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    of_grace = await application.tokens_for(grace["access_token"])
    of_other = await other.tokens_for(ada["access_token"])
    ended = await application.tokens_for(ada["access_token"])

    await oauth_app.auth.oauth_server.consents.revoke(UUID(ada["user"]["id"]), application.client_id)

    tokens = (ended, of_grace, of_other)
    statuses = [(await oauth_app.get("/oauth/userinfo", each["access_token"])).status_code for each in tokens]
    assert statuses == [403, 200, 200]


async def test_consents_end_with_the_account(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    await application.tokens_for(person["access_token"])

    await oauth_app.delete(f"/admin/users/{person['user']['id']}", oauth_app.service_key)

    assert await oauth_app.auth.oauth_server.consents.list(UUID(person["user"]["id"])) == []
