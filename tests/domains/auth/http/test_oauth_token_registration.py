"""Applications that register themselves, and what they are refused."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.domains.auth.conftest import AuthApp, MakeAuthApp
from tests.domains.auth.oauth_clients import REDIRECT_URI, Application

LOOPBACK_URI = "http://127.0.0.1:7777/callback"


def error_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]


async def test_an_application_registers_itself_without_the_scope_admin(oauth_app: AuthApp) -> None:
    response = await oauth_app.post("/oauth/clients/register", {"redirect_uris": [LOOPBACK_URI], "enabled": False})

    client = response.json()
    assert response.status_code == 201
    assert (client["registration_type"], client["client_type"], client["enabled"]) == ("dynamic", "confidential", True)
    assert client["scope"] == "read write openid profile email"
    assert client["client_secret_expires_at"] == 0


async def test_an_application_that_registered_itself_never_gets_admin(oauth_app: AuthApp) -> None:
    body = {"redirect_uris": [REDIRECT_URI], "scope": "read admin", "token_endpoint_auth_method": "none"}
    client = (await oauth_app.post("/oauth/clients/register", body)).json()
    application = Application(oauth_app, client["client_id"], None, "none")

    refused = await application.authorize(scope="read admin")

    assert client["scope"] == "read"
    assert "error=invalid_scope" in refused.headers["location"]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"redirect_uris": []}, "invalid_redirect_uri"),
        ({"redirect_uris": ["javascript:alert(1)"]}, "invalid_redirect_uri"),
        ({"redirect_uris": [f"https://a.example/{number}" for number in range(11)]}, "invalid_redirect_uri"),
        ({"redirect_uris": None}, "invalid_redirect_uri"),
        ({"grant_types": ["client_credentials"]}, "invalid_client_metadata"),
        ({"client_name": "x" * 201}, "invalid_client_metadata"),
        ({"client_name": "Safe\u202egnp.exe"}, "invalid_client_metadata"),
        ({"logo_uri": "javascript:1"}, "invalid_client_metadata"),
        ({"scope": "root"}, "invalid_client_metadata"),
        ({"token_endpoint_auth_method": "private_key_jwt"}, "invalid_client_metadata"),
    ],
)
async def test_a_registration_that_is_not_valid_is_refused(
    oauth_app: AuthApp, changes: dict[str, Any], error: str
) -> None:
    body = {"client_name": "Reports", "redirect_uris": [REDIRECT_URI], **changes}

    assert error_of(await oauth_app.post("/oauth/clients/register", body)) == (400, error)


async def test_a_huge_registration_is_refused(oauth_app: AuthApp) -> None:
    body = {"redirect_uris": [REDIRECT_URI], "contacts": ["x" * 1000] * 100}

    assert (await oauth_app.post("/oauth/clients/register", body)).status_code == 413


async def test_registration_is_off_by_default(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(oauth_server=True)

    response = await auth_app.post("/oauth/clients/register", {"redirect_uris": [REDIRECT_URI]})

    assert (response.status_code, response.json()["error_code"]) == (403, "oauth_dynamic_client_registration_disabled")
