"""Authorization service: what needs no HTTP to be shown."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from monynha.domains.auth.oauth_server.authorization_service import Approver
from monynha.domains.auth.oauth_server.errors import AuthorizationNotFoundError
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application


async def test_describing_an_authorization_binds_it_to_nobody(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    authorization_id = await application.start()
    service = oauth_app.auth.oauth_server.authorizations

    pending = await service.describe(authorization_id)

    assert (pending.client.name, pending.authorization.user_id) == ("Reports", None)
    assert (await application.open(authorization_id, person["access_token"])).status_code == 200


async def test_only_the_person_it_is_bound_to_releases_it(oauth_app: AuthApp) -> None:
    ada, grace = await oauth_app.sign_up(), await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    authorization_id = await application.start()
    await application.open(authorization_id, ada["access_token"])
    service = oauth_app.auth.oauth_server.authorizations

    with pytest.raises(AuthorizationNotFoundError):
        await service.release(authorization_id, Approver(uuid4(), None))
    refused = await application.open(authorization_id, grace["access_token"])
    await service.release(authorization_id, Approver(UUID(ada["user"]["id"]), None))

    assert refused.status_code == 404
    assert (await application.open(authorization_id, grace["access_token"])).status_code == 200


async def test_a_token_without_a_session_can_approve_too(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    token = oauth_app.api_key("authenticated", sub=person["user"]["id"])

    tokens = await application.tokens_for(token)

    assert (await oauth_app.get("/oauth/userinfo", tokens["access_token"])).json()["sub"] == person["user"]["id"]
