"""Client service: authentication, and what is recorded about changes."""

from __future__ import annotations

from uuid import uuid4

import pytest

from monynha.domains.auth.oauth_server.client_service import ClientCredentials
from monynha.domains.auth.oauth_server.clients import MANUAL
from monynha.domains.auth.oauth_server.errors import OAuthClientNotFoundError, OAuthProtocolError
from tests.domains.auth.conftest import AuthApp

METADATA = {"redirect_uris": ["https://app.example/callback"]}


async def test_a_secret_is_replaced_at_once(oauth_app: AuthApp) -> None:
    clients = oauth_app.auth.oauth_server.clients
    registered = await clients.register(METADATA, MANUAL)
    id, old = registered.client.id, registered.secret or ""
    new = (await clients.regenerate_secret(id)).secret or ""

    client = await clients.authenticate(ClientCredentials(str(id), new, "client_secret_basic"))

    assert client.id == id
    for credentials in (
        ClientCredentials(str(id), old, "client_secret_basic"),
        ClientCredentials(str(id), new, "client_secret_post"),
        ClientCredentials(str(id), "", "none"),
        ClientCredentials(str(id).upper() + " ", new, "client_secret_basic"),
        ClientCredentials(str(uuid4()), new, "client_secret_basic"),
        ClientCredentials("", "", "none"),
        ClientCredentials(str(id), "\ud800", "client_secret_basic"),
    ):
        with pytest.raises(OAuthProtocolError, match="Client authentication failed"):
            await clients.authenticate(credentials)


async def test_every_change_is_recorded_without_the_secret(oauth_app: AuthApp) -> None:
    clients = oauth_app.auth.oauth_server.clients
    registered = await clients.register({**METADATA, "client_name": "Reports"}, MANUAL)
    id = registered.client.id
    await clients.update(id, {"client_name": "Charts"})
    await clients.regenerate_secret(id)
    await clients.delete(id)

    response = await oauth_app.get("/admin/audit?per_page=20", oauth_app.service_key)

    text = response.text
    actions = ["created", "updated", "secret_regenerated", "deleted"]
    assert [f"oauth_client.{action}" in text for action in actions] == [True] * 4
    assert (registered.secret or "") not in text
    with pytest.raises(OAuthClientNotFoundError):
        await clients.delete(id)
