"""Administration of OAuth clients, in upstream's wire."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domains.auth.conftest import AuthApp

PATH = "/admin/oauth/clients"
METADATA = {"client_name": "Reports", "redirect_uris": ["https://reports.example/callback"]}


async def create(auth_app: AuthApp, **changes: Any) -> dict[str, Any]:
    response = await auth_app.post(PATH, {**METADATA, **changes}, auth_app.service_key)
    assert response.status_code == 201, response.text
    client: dict[str, Any] = response.json()
    return client


async def test_a_client_is_created_with_defaults_and_its_secret_is_told_once(oauth_app: AuthApp) -> None:
    client = await create(oauth_app)
    again = (await oauth_app.get(f"{PATH}/{client['client_id']}", oauth_app.service_key)).json()

    assert len(client.pop("client_secret")) == 43
    assert again == client
    assert {name: client[name] for name in client.keys() - {"client_id", "created_at", "updated_at"}} == {
        **METADATA,
        "client_type": "confidential",
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "read write admin openid profile email",
        "registration_type": "manual",
        "enabled": True,
    }


@pytest.mark.parametrize(
    "changes", [{"client_type": "public"}, {"token_endpoint_auth_method": "none"}], ids=["by type", "by method"]
)
async def test_a_public_client_has_no_secret(oauth_app: AuthApp, changes: dict[str, str]) -> None:
    client = await create(oauth_app, **changes)

    path = f"{PATH}/{client['client_id']}"
    regenerated = await oauth_app.post(f"{path}/regenerate_secret", token=oauth_app.service_key)
    with_secret = await oauth_app.put(path, {"token_endpoint_auth_method": "client_secret_post"}, oauth_app.service_key)

    assert (client["client_type"], client["token_endpoint_auth_method"]) == ("public", "none")
    assert "client_secret" not in client
    assert (regenerated.status_code, with_secret.status_code) == (400, 400)


async def test_fields_that_were_not_sent_stay_as_they_are(oauth_app: AuthApp) -> None:
    client = await create(oauth_app, logo_uri="https://reports.example/logo.png")
    oauth_app.clock.advance(seconds=1)

    path = f"{PATH}/{client['client_id']}"
    updated = (await oauth_app.put(path, {"client_name": "Charts", "logo_uri": ""}, oauth_app.service_key)).json()
    nothing = await oauth_app.put(path, {"unknown": 1, "client_type": "public"}, oauth_app.service_key)

    assert updated["client_name"] == "Charts"
    assert "logo_uri" not in updated
    assert updated["redirect_uris"] == client["redirect_uris"]
    assert updated["updated_at"] > client["updated_at"]
    assert (nothing.status_code, nothing.json()["msg"]) == (400, "No fields provided for update")


async def test_a_deleted_client_is_gone(oauth_app: AuthApp) -> None:
    client = await create(oauth_app)
    path = f"{PATH}/{client['client_id']}"

    deleted = await oauth_app.delete(path, oauth_app.service_key)

    assert deleted.status_code == 204
    for method, body in (("GET", None), ("PUT", {"client_name": "x"}), ("DELETE", None)):
        response = await oauth_app.request(method, path, oauth_app.service_key, json=body)
        assert (response.status_code, response.json()["error_code"]) == (404, "oauth_client_not_found")


async def test_clients_are_listed_in_pages_newest_first(oauth_app: AuthApp) -> None:
    names = ["First", "Second", "Third"]
    for name in names:
        oauth_app.clock.advance(seconds=3600)
        await create(oauth_app, client_name=name)

    page = await oauth_app.get(f"{PATH}?page=1&per_page=2", oauth_app.service_key)
    whole = await oauth_app.get(f"{PATH}?page=&per_page=1000", oauth_app.service_key)

    assert [client["client_name"] for client in page.json()["clients"]] == ["Third", "Second"]
    assert int(page.headers["x-total-count"]) == len(whole.json()["clients"]) >= 3
    site_url = oauth_app.settings.site_url
    assert page.headers["link"].startswith(f'<{site_url}/auth/v1{PATH}?page=2&per_page=2>; rel="next"')


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"redirect_uris": []}, "redirect_uris must have 1 to 10 items"),
        ({"redirect_uris": None}, "redirect_uris is required"),
        ({"redirect_uris": "https://a.example"}, "redirect_uris must be a list of strings"),
        ({"redirect_uris": ["http://a.example/"]}, "redirect_uris is invalid: number 1 must use https"),
        ({"grant_types": ["implicit"]}, "grant_types must be authorization_code"),
        ({"grant_types": ["refresh_token"]}, "grant_types must be authorization_code"),
        ({"response_types": ["token"]}, "response_types must be code"),
        ({"client_name": 1}, "client_name must be a string"),
        ({"client_uri": "nonsense"}, "client_uri must be a valid https URL"),
        ({"client_type": "trusted"}, "client_type must be confidential or public"),
        ({"client_type": "public", "token_endpoint_auth_method": "client_secret_basic"}, "token_endpoint_auth_method"),
        ({"scope": "read root"}, "scope has an unsupported scope: root"),
        ({"enabled": "no"}, "enabled must be true or false"),
    ],
)
async def test_metadata_that_is_not_valid_is_refused_by_name(
    oauth_app: AuthApp, changes: dict[str, Any], message: str
) -> None:
    response = await oauth_app.post(PATH, {**METADATA, **changes}, oauth_app.service_key)

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
    assert response.json()["msg"].startswith(message)


async def test_only_the_service_key_administers_clients(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    client = await create(oauth_app)
    path = f"{PATH}/{client['client_id']}"

    requests = [("GET", PATH), ("POST", PATH), ("GET", path), ("PUT", path), ("DELETE", path)]
    requests.append(("POST", f"{path}/regenerate_secret"))
    responses = [await oauth_app.request(method, path, person["access_token"], json={}) for method, path in requests]

    assert {(response.status_code, response.json()["error_code"]) for response in responses} == {(403, "not_admin")}


async def test_an_id_that_is_no_uuid_is_named(oauth_app: AuthApp) -> None:
    response = await oauth_app.get(f"{PATH}/nonsense", oauth_app.service_key)

    assert (response.status_code, response.json()["msg"]) == (400, "invalid client_id format")
