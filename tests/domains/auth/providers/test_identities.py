"""Identities of accounts that have no address, or a phone number."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.domains.auth.services.sessions import ClientInfo
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email
from tests.domains.auth.forged_issuer import ForgedIssuer
from tests.domains.auth.http.test_identities import identities_of, link
from tests.domains.auth.http.test_providers import error_of
from tests.domains.auth.provider_fixtures import ForgedSignIn, fragment_of


@pytest.fixture
async def anonymous(forged_app: AuthApp, owner_sql: Any) -> dict[str, Any]:
    """The session of an anonymous user."""
    new_account = NewAccount(None, phone=f"49170{uuid4().int % 10**8:08}", has_sign_up_claims=False)
    async with forged_app.repository.transaction() as transaction:
        account = await forged_app.repository.insert(transaction, new_account)
        assert account
    await owner_sql("update auth.users set phone = null, is_anonymous = true where id = $1", account.id)
    await owner_sql("delete from auth.identities where user_id = $1", account.id)
    async with forged_app.repository.transaction() as transaction:
        account = await forged_app.repository.find_by_id(transaction, account.id)
        assert account
        session = await forged_app.auth.sessions.create_in(
            transaction, account, ClientInfo("127.0.0.1"), method="anonymous"
        )
    return {"access_token": session.access_token.text, "user": {"id": str(account.id)}}


async def test_anonymous_user_becomes_a_lasting_one_by_a_verified_address(
    anonymous: dict[str, Any], forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    email = new_email()
    forged_issuer.claims = {"sub": uuid4().hex, "email": email, "email_verified": True}
    await forged_app.sign_up_unconfirmed(email, PASSWORD)

    ended = await link(forged_sign_in, anonymous)
    user = (await forged_app.get("/user", fragment_of(ended)["access_token"])).json()

    assert (user["id"], user["email"], user["is_anonymous"]) == (anonymous["user"]["id"], email, False)
    assert user["email_confirmed_at"]
    assert [identity["provider"] for identity in user["identities"]] == ["keycloak"]
    assert (await forged_app.sign_in(email)).json()["error_code"] == "invalid_credentials"


async def test_anonymous_user_does_not_get_an_address_of_others_or_one_without_proof(
    anonymous: dict[str, Any], forged_sign_in: ForgedSignIn, forged_issuer: ForgedIssuer, forged_app: AuthApp
) -> None:
    taken = (await forged_app.create_user())["email"]
    forged_issuer.claims = {"sub": uuid4().hex, "email": taken, "email_verified": True}
    of_others = await link(forged_sign_in, anonymous)
    forged_issuer.claims = {"sub": uuid4().hex, "email": new_email(), "email_verified": False}
    without_proof = await link(forged_sign_in, anonymous)

    assert error_of(of_others)[1] == "email_exists"
    assert error_of(without_proof)[1] == "provider_email_needs_verification"
    assert await identities_of(forged_app, anonymous) == {}
