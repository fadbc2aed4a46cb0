"""The documents by which applications find the endpoints."""

from __future__ import annotations

import pytest

from tests.domains.auth.conftest import AuthApp, MakeAuthApp

SITE_PATHS = (
    "/.well-known/oauth-authorization-server/auth/v1",
    "/.well-known/openid-configuration/auth/v1",
    "/auth/v1/.well-known/oauth-authorization-server",
    "/auth/v1/.well-known/openid-configuration",
)


@pytest.mark.parametrize("path", SITE_PATHS)
async def test_the_server_is_described_where_the_standards_say(oauth_app: AuthApp, path: str) -> None:
    response = await oauth_app.http.get(path)

    issuer = f"{oauth_app.settings.site_url}/auth/v1"
    document = response.json()
    assert response.headers["cache-control"] == "public, max-age=600"
    assert document["issuer"] == issuer
    assert {
        name: url.removeprefix(issuer) for name, url in document.items() if name.endswith(("_endpoint", "_uri"))
    } == {
        "authorization_endpoint": "/oauth/authorize",
        "token_endpoint": "/oauth/token",
        "userinfo_endpoint": "/oauth/userinfo",
        "revocation_endpoint": "/oauth/revoke",
        "registration_endpoint": "/oauth/clients/register",
        "jwks_uri": "/.well-known/jwks.json",
    }
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["authorization_response_iss_parameter_supported"] is True
    assert document["scopes_supported"] == ["read", "write", "admin", "openid", "profile", "email"]


async def test_registration_is_described_only_where_it_is_on(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(oauth_server=True)

    document = (await auth_app.http.get(SITE_PATHS[0])).json()

    assert "registration_endpoint" not in document


@pytest.mark.parametrize("path", ["/api/v1", "/graphql"])
async def test_what_tokens_are_for_names_the_server_that_issues_them(oauth_app: AuthApp, path: str) -> None:
    response = await oauth_app.http.get(f"/.well-known/oauth-protected-resource{path}")

    site_url = oauth_app.settings.site_url
    assert response.json() == {
        "resource": f"{site_url}{path}",
        "authorization_servers": [f"{site_url}/auth/v1"],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["read", "write", "admin"],
        "resource_name": "Monynha",
    }


async def test_a_server_that_is_off_tells_only_how_to_verify_its_tokens(auth_app: AuthApp) -> None:
    document = (await auth_app.http.get("/auth/v1/.well-known/openid-configuration")).json()

    assert document["jwks_uri"] == f"{auth_app.settings.site_url}/auth/v1/.well-known/jwks.json"
    assert [name for name in document if name.endswith("_endpoint")] == []
    assert (await auth_app.http.get("/.well-known/oauth-protected-resource/api/v1")).status_code == 404
