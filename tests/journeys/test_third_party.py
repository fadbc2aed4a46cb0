"""A small program of somebody else's, which knows only the site's address and the standards, acts for a person."""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from tests.journeys.program import SERVE, Program, run_program

REDIRECT_URI = "http://127.0.0.1:43117/callback"
PASSWORD = "a long secret"
ENVIRON = {
    "MONYNHA_OAUTH_SERVER": "on",
    "MONYNHA_OAUTH_SERVER_REGISTRATION": "on",
    "MONYNHA_LIMIT_AUTH": "off",
    "LOG_LEVEL": "error",
}


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Return the running program, with its authorization server on."""
    data_dir: Path = tmp_path_factory.mktemp("third-party")
    with run_program(data_dir, *SERVE, **ENVIRON) as program:
        yield program


@dataclass
class Agent:
    """The third party's program: everything it does, it has read in a document."""

    api_url: str
    endpoints: dict[str, Any] = field(default_factory=dict)
    client: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, Any] = field(default_factory=dict)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def discover(self) -> None:
        """Find the authorization server, beginning with the refusal of the API (RFC 9728 §5, RFC 8414 §3)."""
        refusal = httpx.get(f"{self.api_url}/projects")
        assert refusal.status_code == 401
        [metadata_url] = re.findall(r'resource_metadata="([^"]+)"', refusal.headers["www-authenticate"])
        resource = httpx.get(metadata_url).json()
        assert resource["resource"] == self.api_url
        issuer = urlsplit(resource["authorization_servers"][0])
        url = f"{issuer.scheme}://{issuer.netloc}/.well-known/oauth-authorization-server{issuer.path}"
        self.endpoints = httpx.get(url).json()
        assert self.endpoints["issuer"] == issuer.geturl()

    def register(self) -> None:
        body = {
            "client_name": "Standup notes",
            "redirect_uris": [REDIRECT_URI],
            "token_endpoint_auth_method": "none",
            "grant_types": ["authorization_code", "refresh_token"],
        }
        response = httpx.post(self.endpoints["registration_endpoint"], json=body)
        assert response.status_code == 201, response.text
        self.client = response.json()

    def authorization_url(self, scope: str) -> str:
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        params = {
            "response_type": "code",
            "client_id": self.client["client_id"],
            "redirect_uri": REDIRECT_URI,
            "scope": scope,
            "state": "kept by the program",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            "resource": self.api_url,
        }
        return str(httpx.URL(self.endpoints["authorization_endpoint"], params=params))

    def receive(self, callback_url: str) -> None:
        """Exchange the code that arrived at the redirect URI, after checking that it is the answer to the request."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(callback_url).query).items()}
        assert (query["state"], query["iss"]) == ("kept by the program", self.endpoints["issuer"])
        self.tokens = self._token(
            grant_type="authorization_code", code=query["code"], redirect_uri=REDIRECT_URI, code_verifier=self.verifier
        )

    def refresh(self) -> None:
        self.tokens = self._token(grant_type="refresh_token", refresh_token=self.tokens["refresh_token"])

    def revoke(self) -> None:
        form = {"client_id": self.client["client_id"], "token": self.tokens["refresh_token"]}
        assert httpx.post(self.endpoints["revocation_endpoint"], data=form).status_code == 200

    def request(self, method: str, path: str, body: object = None) -> httpx.Response:
        headers = {"authorization": f"Bearer {self.tokens['access_token']}"}
        return httpx.request(method, f"{self.api_url}{path}", json=body, headers=headers)

    def _token(self, **form: str) -> dict[str, Any]:
        form |= {"client_id": self.client["client_id"], "resource": self.api_url}
        response = httpx.post(self.endpoints["token_endpoint"], data=form)
        assert response.status_code == 200, response.text
        tokens: dict[str, Any] = response.json()
        return tokens


def consent_in_browser(url: str, email: str, action: str = "approve") -> str:
    """Do what a person does whose browser runs no scripts; return where it ends up."""
    with httpx.Client(follow_redirects=False) as browser:

        def follow(response: httpx.Response) -> httpx.Response:
            while response.status_code == 303 and not response.headers["location"].startswith(REDIRECT_URI):
                response = browser.get(response.url.join(response.headers["location"]))
            return response

        def submit(page: httpx.Response, **fields: str) -> httpx.Response:
            [path] = re.findall(
                rf'<form class="{"stack" if "email" in fields else "choice"}"[^>]* action="([^"]+)">', page.text
            )
            hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
            data = {**{name: unescape(value) for name, value in hidden.items()}, **fields}
            origin = f"{page.url.scheme}://{page.url.netloc.decode()}"
            return follow(browser.post(page.url.join(path), data=data, headers={"origin": origin}))

        sign_in = follow(browser.get(url))
        question = submit(sign_in, email=email, password=PASSWORD, action="password")
        assert "Standup notes" in question.text
        return submit(question, action=action).headers["location"]


@pytest.fixture
def person(program: Program) -> dict[str, Any]:
    """Return the session of a person who has a project."""
    email = f"ada-{secrets.token_hex(6)}@example.com"
    session = httpx.post(f"{program.url}/auth/v1/signup", json={"email": email, "password": PASSWORD}).json()
    headers = {"authorization": f"Bearer {session['access_token']}"}
    project = httpx.post(f"{program.url}/api/v1/projects", json={"name": "Apollo"}, headers=headers)
    assert project.status_code == 201
    return {"email": email, "headers": headers, "project": project.json()["data"]}


def test_a_third_party_walks_from_discovery_to_revocation(program: Program, person: dict[str, Any]) -> None:
    agent = Agent(f"{program.url}/api/v1")
    agent.discover()
    agent.register()

    agent.receive(consent_in_browser(agent.authorization_url("read write"), person["email"]))
    [project] = agent.request("GET", "/projects").json()["data"]
    tasks = f"/projects/{project['id']}/tasks"
    created = agent.request("POST", tasks, {"title": "Prepare the standup"})
    agent.refresh()
    listed = agent.request("GET", tasks)
    agent.revoke()
    after = agent.request("GET", "/projects")

    assert project["name"] == "Apollo"
    assert (created.status_code, listed.json()["data"][0]["title"]) == (201, "Prepare the standup")
    assert after.status_code == 401
    own = httpx.get(f"{program.url}/api/v1{tasks}", headers=person["headers"])
    assert [task["title"] for task in own.json()["data"]] == ["Prepare the standup"]


def test_a_third_party_stays_within_its_scopes(program: Program, person: dict[str, Any]) -> None:
    agent = Agent(f"{program.url}/api/v1")
    agent.discover()
    agent.register()

    agent.receive(consent_in_browser(agent.authorization_url("read"), person["email"]))

    project_path = f"/projects/{person['project']['id']}"
    assert agent.request("GET", project_path).status_code == 200
    refusals = [
        agent.request("POST", f"{project_path}/tasks", {"title": "Not allowed"}),
        agent.request("PATCH", project_path, {"name": "Not allowed"}),
        agent.request("DELETE", project_path),
        agent.request("PATCH", "/users/me", {"name": "Not allowed"}),
        agent.request("POST", "/tokens", {"name": "More", "scopes": ["admin"]}),
    ]
    assert [response.status_code for response in refusals] == [403] * 5
    mutation = {"query": 'mutation { createProject(input: {name: "Not allowed"}) { id } }'}
    headers = {"authorization": f"Bearer {agent.tokens['access_token']}"}
    answer = httpx.post(f"{program.url}/graphql", json=mutation, headers=headers).json()
    assert answer["errors"][0]["extensions"]["code"] == "FORBIDDEN"


def test_what_a_third_party_has_open_ends_when_the_person_takes_it_back(
    program: Program, person: dict[str, Any]
) -> None:
    agent = Agent(f"{program.url}/api/v1")
    agent.discover()
    agent.register()
    agent.receive(consent_in_browser(agent.authorization_url("read"), person["email"]))
    headers = {"authorization": f"Bearer {agent.tokens['access_token']}"}
    path = f"/api/v1/projects/{person['project']['id']}/events"

    with httpx.stream("GET", f"{program.url}{path}", headers=headers, timeout=5) as stream:
        lines = stream.iter_lines()
        next(lines)
        grants = f"{program.url}/auth/v1/user/oauth/grants?client_id={agent.client['client_id']}"
        revoked = httpx.delete(grants, headers=person["headers"])
        revoked_at = time.monotonic()
        for _ in lines:
            assert time.monotonic() - revoked_at < 5
        ended_after_s = time.monotonic() - revoked_at

    assert revoked.status_code == 204
    assert ended_after_s < 2
    assert agent.request("GET", "/projects").status_code == 401


def test_a_person_who_says_no_gives_nothing_away(program: Program, person: dict[str, Any]) -> None:
    agent = Agent(f"{program.url}/api/v1")
    agent.discover()
    agent.register()

    callback_url = consent_in_browser(agent.authorization_url("read write"), person["email"], action="deny")

    assert parse_qs(urlsplit(callback_url).query)["error"] == ["access_denied"]
    assert httpx.get(f"{program.url}/auth/v1/user/oauth/grants", headers=person["headers"]).json() == []
