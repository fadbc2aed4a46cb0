"""Somebody signs up addresses that are not theirs, where addresses are confirmed by email."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from tests.emails import read_emails
from tests.journeys.program import SERVE, TIMEOUT_S, Program, run_program

PASSWORD = "a long secret"
OWNER, OTHER, VICTIM, FRESH = (f"{name}@example.com" for name in ("owner", "other", "victim", "fresh"))


@dataclass(frozen=True)
class Site:
    """A running program, and a signed-in user of it."""

    program: Program
    client: httpx.Client
    read_counts: dict[str, int] = field(default_factory=dict)

    def sign_up(self, address: str, name: str = "Mallory", password: str = PASSWORD) -> dict[str, Any]:
        """Sign up and return the profile of the response."""
        body = {"name": name, "email": address, "password": password}
        response = httpx.post(f"{self.program.url}/api/v1/users", json=body)
        assert response.status_code == 201, response.text
        profile: dict[str, Any] = response.json()["data"]
        return profile

    def next_link(self, address: str) -> str:
        """Return the link of the email to the address that was requested since the last call."""
        deadline = time.monotonic() + TIMEOUT_S
        count = self.read_counts[address] = self.read_counts.get(address, 0) + 1
        while len(emails := read_emails(self.program.data_dir / "mail", address)) < count:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return self.program.url + emails[count - 1].link.removeprefix(self.program.url)

    def sign_in(self, address: str, password: str = PASSWORD) -> httpx.Response:
        """Request a session by password."""
        body = {"email": address, "password": password}
        return httpx.post(f"{self.program.url}/auth/v1/token?grant_type=password", json=body)

    def api(self, method: str, path: str, body: object = None) -> httpx.Response:
        """Send a request as the signed-in user."""
        return self.client.request(method, f"{self.program.url}/api/v1{path}", json=body)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The program, with two confirmed users; the first is signed in."""
    environ = {"MONYNHA_AUTOCONFIRM": "off", "MONYNHA_LIMIT_AUTH": "off", "LOG_LEVEL": "error"}
    with run_program(tmp_path_factory.mktemp("unconfirmed"), *SERVE, **environ) as program, httpx.Client() as client:
        site = Site(program, client)
        for address in (OWNER, OTHER):
            site.sign_up(address, name=address.partition("@")[0])
            httpx.get(site.next_link(address))
        client.headers["authorization"] = f"Bearer {site.sign_in(OWNER).json()['access_token']}"
        yield site


def test_the_id_of_a_sign_up_does_not_tell_whether_the_address_is_registered(site: Site) -> None:
    taken = [site.sign_up(OTHER) for _ in range(2)]
    fresh = [site.sign_up(FRESH) for _ in range(2)]

    assert len({profile["id"] for profile in taken + fresh}) == 4
    statuses = [site.api("GET", f"/users/{profile['id']}").status_code for profile in taken + fresh]
    assert statuses == [404] * 4
    assert [sorted(profile) for profile in taken] == [sorted(profile) for profile in fresh]


def test_an_unconfirmed_account_is_shown_to_nobody(site: Site) -> None:
    profile = site.sign_up("unconfirmed@example.com", name="Hidden")
    project = site.api("POST", "/projects", {"name": "Website"}).json()["data"]
    members = f"/projects/{project['id']}/members"

    by_id = site.api("POST", members, {"userId": profile["id"], "role": "member"})
    by_unknown_id = site.api("POST", members, {"userId": project["id"], "role": "member"})
    by_email = site.api("POST", members, {"email": "unconfirmed@example.com", "role": "member"})
    by_unknown_email = site.api("POST", members, {"email": "unknown@example.com", "role": "member"})
    assigned = site.api("POST", f"/projects/{project['id']}/tasks", {"title": "x", "assigneeId": profile["id"]})

    def without_request_id(response: httpx.Response) -> tuple[int, Any]:
        error = response.json()["error"]
        return response.status_code, {key: value for key, value in error.items() if key != "requestId"}

    def without_varying_values(response: httpx.Response) -> tuple[int, Any]:
        varying = ("id", "email", "createdAt", "expiresAt")
        invitation = response.json()["data"]
        return response.status_code, {key: value for key, value in invitation.items() if key not in varying}

    assert without_request_id(by_id) == without_request_id(by_unknown_id)
    # An address is invited, whether somebody has signed up with it or not.
    assert without_varying_values(by_email) == without_varying_values(by_unknown_email)
    assert (by_id.status_code, by_email.status_code, assigned.status_code) == (422, 202, 422)
    listed = site.api("GET", "/users?limit=100&count=exact").json()
    assert {user["name"] for user in listed["data"]} == {"owner", "other"}
    assert listed["meta"]["total"] == 2
    query = {"query": "{ users(limit: 100) { name } }"}
    answer = site.client.post(f"{site.program.url}/graphql", json=query).json()
    assert sorted(user["name"] for user in answer["data"]["users"]) == ["other", "owner"]


def test_an_account_that_was_signed_up_by_somebody_else_is_its_owners_alone(site: Site) -> None:
    probe = site.sign_up(VICTIM, password="the password of a thief")
    site.next_link(VICTIM)
    httpx.post(f"{site.program.url}/auth/v1/otp", json={"email": VICTIM})

    entered = httpx.get(site.next_link(VICTIM))

    assert "access_token=" in entered.headers["location"]
    assert site.sign_in(VICTIM, "the password of a thief").status_code == 400
    assert site.api("GET", f"/users/{probe['id']}").status_code == 404
