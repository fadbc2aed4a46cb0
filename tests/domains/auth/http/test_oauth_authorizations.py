"""What applications ask for and people decide: the authorization endpoint, consent, and what was allowed."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.domains.auth.conftest import AuthApp, MakeAuthApp
from tests.domains.auth.oauth_clients import REDIRECT_URI, VERIFIER, Application, challenge_of, query_of

LOOPBACK_URI = "http://127.0.0.1:7777/callback"


async def test_a_person_is_sent_to_the_consent_page_and_back_with_a_code(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, client_uri="https://reports.example")

    authorized = await application.authorize(state="a state&more")
    authorization_id = query_of(authorized.headers["location"])["authorization_id"]
    details = await application.open(authorization_id, person["access_token"])
    decided = await application.decide(authorization_id, person["access_token"])

    site_url = oauth_app.settings.site_url
    assert authorized.status_code == 303
    assert authorized.headers["location"] == f"{site_url}/oauth/consent?authorization_id={authorization_id}"
    assert details.json() == {
        "authorization_id": authorization_id,
        "redirect_uri": REDIRECT_URI,
        "client": {"id": application.id, "name": "Reports", "uri": "https://reports.example"},
        "user": {"id": person["user"]["id"], "email": person["user"]["email"]},
        "scope": "read email",
    }
    redirect = decided.json()["redirect_url"]
    assert redirect.startswith(f"{REDIRECT_URI}?")
    assert query_of(redirect).keys() == {"code", "state", "iss"}
    assert (query_of(redirect)["state"], query_of(redirect)["iss"]) == ("a state&more", f"{site_url}/auth/v1")


async def test_the_query_of_a_redirect_uri_is_kept(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, redirect_uris=[f"{REDIRECT_URI}?tenant=7&code=old"])

    authorization_id = await application.start()
    await application.open(authorization_id, person["access_token"])
    redirect = (await application.decide(authorization_id, person["access_token"])).json()["redirect_url"]

    assert query_of(redirect)["tenant"] == "7"
    assert redirect.count("code=") == 1


async def test_denial_reaches_the_application_as_an_error(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    authorization_id = await application.start()
    await application.open(authorization_id, person["access_token"])

    denied = await application.decide(authorization_id, person["access_token"], "deny")

    query = query_of(denied.json()["redirect_url"])
    assert (query["error"], query["state"], "code" in query) == ("access_denied", "state-1", False)
    assert (await application.decide(authorization_id, person["access_token"])).status_code == 400
    assert (await oauth_app.get("/user/oauth/grants", person["access_token"])).json() == []


# Who is never redirected, and what is told to whom.


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://attacker.example/callback",
        "https://reports.example/callback/",
        "https://reports.example/callback/../evil",
        "https://reports.example/callback?next=https://attacker.example",
        "https://reports.example/callback#fragment",
        "https://reports.example.attacker.example/callback",
        "https://reports.example@attacker.example/callback",
        "https://reports.example%2f@attacker.example/callback",
        "https://attacker.example\\@reports.example/callback",
        "//reports.example/callback",
        "http://reports.example/callback",
        "HTTPS://reports.example/callback",
        "https://reports.example:443/callback",
        "https://REPORTS.example/callback",
        "https://reports.example/callback\r\nSet-Cookie: a=b",
        "javascript:alert(1)",
        "",
    ],
)
async def test_nobody_is_redirected_where_the_client_has_not_registered(oauth_app: AuthApp, redirect_uri: str) -> None:
    application = await Application.register(oauth_app)

    response = await application.authorize(redirect_uri=redirect_uri, scope="nonsense")

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")
    assert "location" not in response.headers


@pytest.mark.parametrize("client_id", [None, "", "nonsense", "00000000-0000-4000-8000-000000000000"])
async def test_an_unknown_client_is_not_redirected(oauth_app: AuthApp, client_id: str | None) -> None:
    application = await Application.register(oauth_app)

    response = await application.authorize(client_id=client_id)

    assert response.status_code == 400
    assert "location" not in response.headers


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": VERIFIER}, "invalid_request"),
        ({"code_challenge": challenge_of(VERIFIER)[:-1] + "="}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": "read root"}, "invalid_scope"),
        ({"request": "e30."}, "request_not_supported"),
        ({"request_uri": "https://attacker.example"}, "request_not_supported"),
        ({"resource": "https://other.example"}, "invalid_target"),
        ({"prompt": "none"}, "interaction_required"),
        ({"prompt": "dance"}, "invalid_request"),
        ({"nonce": "n" * 501}, "invalid_request"),
    ],
)
async def test_other_mistakes_are_told_to_the_application(
    oauth_app: AuthApp, params: dict[str, str | None], error: str
) -> None:
    application = await Application.register(oauth_app)

    response = await application.authorize(**params)

    query = query_of(response.headers["location"])
    assert response.headers["location"].startswith(f"{REDIRECT_URI}?")
    assert (query["error"], query["state"]) == (error, "state-1")
    assert query["iss"] == f"{oauth_app.settings.site_url}/auth/v1"


async def test_a_client_asks_within_its_registration(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app, scope="read email")

    refused = await application.authorize(scope="read write")

    assert query_of(refused.headers["location"])["error"] == "invalid_scope"
    assert (await application.authorize(scope="read offline_access")).headers["location"].count("/oauth/consent") == 1


async def test_a_repeated_parameter_is_refused(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app)

    query = f"client_id={application.id}&redirect_uri={REDIRECT_URI}&redirect_uri=https://attacker.example"
    response = await oauth_app.get(f"/oauth/authorize?{query}")

    assert response.status_code == 400
    assert "location" not in response.headers


async def test_the_request_may_be_a_form(oauth_app: AuthApp) -> None:
    application = await Application.register(oauth_app)
    form = {
        "client_id": application.id,
        "redirect_uri": REDIRECT_URI,
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        "resource": f"{oauth_app.settings.site_url}/api/v1/",
    }

    response = await oauth_app.request("POST", "/oauth/authorize", data=form)

    assert urlsplit(response.headers["location"]).path == "/oauth/consent"


async def test_a_program_on_the_persons_machine_may_listen_on_any_port(oauth_app: AuthApp) -> None:
    application = await Application.register(
        oauth_app, token_endpoint_auth_method="none", redirect_uris=[LOOPBACK_URI, "http://localhost:7777/callback"]
    )

    other_port = await application.authorize(redirect_uri="http://127.0.0.1:50123/callback")
    other_path = await application.authorize(redirect_uri="http://127.0.0.1:50123/other")
    by_name = await application.authorize(redirect_uri="http://localhost:50123/callback")

    assert (other_port.status_code, other_path.status_code, by_name.status_code) == (303, 400, 400)


# Who may decide.


async def test_only_whoever_opened_it_first_may_decide(oauth_app: AuthApp) -> None:
    ada, grace = await oauth_app.sign_up(), await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    authorization_id = await application.start()

    unopened = await application.decide(authorization_id, ada["access_token"])
    await application.open(authorization_id, ada["access_token"])
    others = [
        await application.open(authorization_id, grace["access_token"]),
        await application.decide(authorization_id, grace["access_token"]),
        await application.decide(authorization_id, grace["access_token"], "deny"),
    ]

    assert [response.json()["error_code"] for response in (unopened, *others)] == ["oauth_authorization_not_found"] * 4
    assert (await application.decide(authorization_id, ada["access_token"])).status_code == 200


async def test_an_application_cannot_consent_in_the_persons_name(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application, other = await Application.register(oauth_app), await Application.register(oauth_app)
    token = (await application.tokens_for(person["access_token"], scope="read write admin"))["access_token"]
    authorization_id = await other.start(scope="admin")

    refusals = [
        await other.open(authorization_id, token),
        await other.decide(authorization_id, token),
        await oauth_app.get("/user/oauth/grants", token),
        await oauth_app.delete(f"/user/oauth/grants?client_id={application.id}", token),
        await oauth_app.put("/user", {"password": "another good password"}, token),
        await oauth_app.post("/logout?scope=global", token=token),
    ]

    assert [response.status_code for response in refusals] == [403] * 6
    assert (await oauth_app.get("/user", token)).json()["id"] == person["user"]["id"]


async def test_deciding_needs_a_person_and_an_action(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    authorization_id = await application.start()
    await application.open(authorization_id, person["access_token"])

    anonymous = await oauth_app.post(f"/oauth/authorizations/{authorization_id}/consent", {"action": "approve"})
    by_key = await application.decide(authorization_id, oauth_app.service_key)
    no_action = await application.decide(authorization_id, person["access_token"], "maybe")
    unknown = await application.open("nonsense", person["access_token"])

    assert (anonymous.status_code, by_key.status_code, no_action.status_code, unknown.status_code) == (
        401,
        403,
        400,
        404,
    )


async def test_pages_of_other_sites_cannot_decide(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    path = f"/oauth/authorizations/{await application.start()}"

    foreign = await oauth_app.get(path, person["access_token"], headers={"origin": "https://attacker.example"})
    opaque = await oauth_app.get(path, person["access_token"], headers={"origin": "null"})
    own = await oauth_app.get(path, person["access_token"], headers={"origin": oauth_app.settings.site_url})

    assert (foreign.status_code, opaque.status_code, own.status_code) == (400, 400, 200)


async def test_an_authorization_expires_and_is_decided_once(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    expiring, decided = await application.start(), await application.start()
    for authorization_id in (expiring, decided):
        await application.open(authorization_id, person["access_token"])

    responses = await asyncio.gather(
        *(application.decide(decided, person["access_token"], action) for action in ("approve", "deny", "approve"))
    )
    oauth_app.clock.advance(seconds=601)
    late = await application.decide(expiring, person["access_token"])

    assert sorted(response.status_code for response in responses) == [200, 400, 400]
    assert (late.status_code, late.json()["error_code"]) == (404, "oauth_authorization_not_found")


# Earlier consent.


async def consent(application: Application, person: dict[str, Any], scope: str) -> None:
    await application.code_for(person["access_token"], scope=scope)


async def is_asked(application: Application, person: dict[str, Any], **params: str) -> bool:
    """Whether the person is asked again; else the application has its code at once."""
    response = await application.open(await application.start(**params), person["access_token"])
    return "redirect_url" not in response.json()


async def test_who_has_consented_is_not_asked_again_for_the_same_or_less(oauth_app: AuthApp) -> None:
    person, other = await oauth_app.sign_up(), await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    await consent(application, person, "read email")

    assert not await is_asked(application, person, scope="read")
    assert await is_asked(application, person, scope="read write")
    assert await is_asked(application, person, scope="read", prompt="consent")
    assert await is_asked(application, other, scope="read")
    await consent(application, person, "write")
    assert not await is_asked(application, person, scope="read write email")


async def test_a_mail_tells_the_person_what_was_allowed_but_not_twice(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, client_name="Charts")
    counts = []
    for scope in ("read", "read", "read write"):
        await application.code_for(person["access_token"], scope=scope, prompt="consent")
        emails = oauth_app.emails_to(person["user"]["email"])
        counts.append(len(emails))

    assert counts == [1, 1, 2]
    assert emails[0].subject == "An application can use your account"
    assert "Charts" in emails[0].text


@pytest.mark.parametrize("redirect_uri", [LOOPBACK_URI, "com.example.reports:/callback"])
async def test_a_client_that_anybody_could_pretend_to_be_always_asks(oauth_app: AuthApp, redirect_uri: str) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app, token_endpoint_auth_method="none", redirect_uris=[redirect_uri])
    await consent(application, person, "read")

    assert await is_asked(application, person, scope="read")


async def test_a_person_sees_and_takes_back_what_they_have_allowed(oauth_app: AuthApp) -> None:
    person, other = await oauth_app.sign_up(), await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    await consent(application, person, "read")
    await consent(application, person, "write email")

    [grant] = (await oauth_app.get("/user/oauth/grants", person["access_token"])).json()
    by_other = await oauth_app.delete(f"/user/oauth/grants?client_id={application.id}", other["access_token"])
    revoked = await oauth_app.delete(f"/user/oauth/grants?client_id={application.id}", person["access_token"])

    assert grant["client"] == {"id": application.id, "name": "Reports"}
    assert grant["scopes"] == ["read", "write", "email"]
    assert (by_other.status_code, by_other.json()["error_code"]) == (404, "oauth_consent_not_found")
    assert (revoked.status_code, revoked.content) == (204, b"")
    assert (await oauth_app.get("/user/oauth/grants", person["access_token"])).json() == []
    assert await is_asked(application, person, scope="read")


@pytest.mark.parametrize("query", ["", "?client_id=nonsense"])
async def test_taking_back_names_a_client(oauth_app: AuthApp, query: str) -> None:
    person = await oauth_app.sign_up()

    response = await oauth_app.delete(f"/user/oauth/grants{query}", person["access_token"])

    assert (response.status_code, response.json()["error_code"]) == (400, "validation_failed")


# The server is off.


async def test_everything_is_off_by_default(auth_app: AuthApp) -> None:
    requests: list[tuple[str, str]] = [
        ("GET", "/oauth/authorize"),
        ("POST", "/oauth/token"),
        ("POST", "/oauth/revoke"),
        ("POST", "/oauth/clients/register"),
        ("GET", "/oauth/userinfo"),
        ("GET", "/oauth/authorizations/x"),
        ("POST", "/oauth/authorizations/x/consent"),
        ("GET", "/user/oauth/grants"),
        ("GET", "/admin/oauth/clients"),
        ("GET", "/.well-known/oauth-authorization-server"),
    ]

    responses = [await auth_app.request(method, path) for method, path in requests]

    assert {(response.status_code, response.json()["error_code"]) for response in responses} == {
        (404, "feature_disabled")
    }


async def test_the_site_may_have_a_consent_page_of_its_own(make_auth_app: MakeAuthApp) -> None:
    auth_app = make_auth_app(autoconfirm=True, oauth_server=True, oauth_consent_url="https://app.example/consent")
    application = await Application.register(auth_app)

    response: httpx.Response = await application.authorize()

    assert response.headers["location"].startswith("https://app.example/consent?authorization_id=")
