"""Visits to a provider: what is stored of them, and what is made from their state."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from monynha.domains.auth.accounts.account_repository import AccountRepository
from monynha.domains.auth.providers.flows import FLOW_TTL, Flow, FlowStore, new_token
from monynha.domains.auth.services.expired_credentials import ExpiredCredentials
from monynha.domains.auth.tokens.one_time_tokens import PkceChallenge
from monynha.infra.postgres.database import Database
from tests.domains.auth.manual_clock import ManualClock

FLOW = Flow("keycloak", "https://a.example/", PkceChallenge("x" * 43, "s256"))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def flows(clock: ManualClock) -> FlowStore:
    return FlowStore("a-secret-of-the-tests-that-is-long-enough", clock)


async def begin(flows: FlowStore, database: Database, browser: str) -> str:
    state = new_token()
    async with AccountRepository(database).transaction() as transaction:
        await flows.begin(transaction, FLOW, state, browser)
    return state


async def test_visit_ends_once_with_what_it_began_with(flows: FlowStore, database: Database) -> None:
    state = await begin(flows, database, "the browser")

    async with AccountRepository(database).transaction() as transaction:
        ended = [
            await flows.end(transaction, state, browser)
            for browser in ("", "another", "x" * 200, "the browser", "the browser")
        ]

    assert ended == [None, None, None, FLOW, None]


async def test_nothing_that_is_stored_helps_to_come_back(flows: FlowStore, database: Database, owner_sql: Any) -> None:
    browser = new_token()
    state = await begin(flows, database, browser)
    secrets = (state, browser, flows.nonce(state), flows.code_verifier(state))

    rows = await owner_sql("select to_jsonb(f)::text from auth.oauth_flows as f")

    assert rows
    assert not any(secret in row[0] for row in rows for secret in secrets)


async def test_nonce_and_verifier_belong_to_the_state_and_the_secret(flows: FlowStore, clock: ManualClock) -> None:
    others = FlowStore("another-secret-of-the-tests-that-is-long", clock)
    values = {
        flows.nonce("a"),
        flows.nonce("b"),
        others.nonce("a"),
        flows.code_verifier("a"),
        others.code_verifier("a"),
    }
    digest = hashlib.sha256(flows.code_verifier("a").encode()).digest()

    assert len(values) == 5
    assert flows.nonce("a") == flows.nonce("a")
    assert flows.code_challenge("a") == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert 43 <= len(flows.code_verifier("a")) <= 128


async def test_ticket_begins_a_visit_once(flows: FlowStore, database: Database) -> None:
    async with AccountRepository(database).transaction() as transaction:
        ticket = await flows.prepare(transaction, FLOW)
        before = await flows.end(transaction, ticket, "")
        begun = await flows.begin_prepared(transaction, ticket, "the browser")
        again = await flows.begin_prepared(transaction, ticket, "another browser")
        assert begun is not None
        state, provider = begun
        ended = await flows.end(transaction, state, "the browser")

    assert (before, again, provider, ended) == (None, None, "keycloak", FLOW)


async def test_expired_visits_are_deleted_by_the_clean_up(
    flows: FlowStore, database: Database, clock: ManualClock, owner_sql: Any
) -> None:
    state = await begin(flows, database, "the browser")
    digest = hashlib.sha256(state.encode()).hexdigest()
    credentials = ExpiredCredentials(database)

    await credentials.delete_tokens(clock())
    kept = await owner_sql("select 1 from auth.oauth_flows where state_hash = $1", digest)
    await credentials.delete_tokens(clock() + FLOW_TTL)
    left = await owner_sql("select 1 from auth.oauth_flows where state_hash = $1", digest)

    assert (len(kept), len(left)) == (1, 0)
