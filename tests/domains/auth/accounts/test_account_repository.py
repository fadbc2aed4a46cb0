"""Account repository: account, identity and profile change together, or not at all."""

from __future__ import annotations

import asyncio
from uuid import UUID

from monynha.domains.auth.accounts.account_repository import NewAccount
from monynha.infra.postgres.database import guard_query
from tests.domains.auth.conftest import PASSWORD, AuthApp, new_email


async def test_sign_up_creates_account_and_profile_together(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up(name="  Ada ")

    created = auth_app.hook.created_accounts
    assert [(str(account.id), account.name) for account in created] == [(session["user"]["id"], "Ada")]
    actor = auth_app.auth.tokens.verify(session["access_token"])
    profile = await auth_app.database.as_actor(actor).fetch_json(
        guard_query("select to_json(name) from public.users where id = (select auth.uid())"), ()
    )
    assert profile == b'"Ada"'


async def test_an_account_is_not_created_if_its_profile_fails(auth_app: AuthApp) -> None:
    async def fail(transaction: object, account: object) -> None:
        raise RuntimeError("the profile cannot be written")

    auth_app.hook.on_created = fail  # type: ignore[method-assign]  # a hook that fails
    email = new_email()
    response = await auth_app.post("/signup", {"email": email, "password": PASSWORD})

    assert response.status_code == 500
    assert (await auth_app.sign_in(email)).json()["error_code"] == "invalid_credentials"


async def test_concurrent_metadata_changes_are_both_kept(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    await asyncio.gather(*(auth_app.put("/user", {"data": {f"key{n}": n}}, session["access_token"]) for n in range(6)))

    metadata = (await auth_app.get("/user", session["access_token"])).json()["user_metadata"]
    assert {f"key{n}" for n in range(6)} <= metadata.keys()


async def test_hooks_run_for_a_changed_name_and_not_for_other_metadata(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up(name="Ada")
    await auth_app.put("/user", {"data": {"color": "red"}}, session["access_token"])
    assert auth_app.hook.changed_accounts == []

    await auth_app.put("/user", {"data": {"name": "Countess"}}, session["access_token"])

    (hook,) = auth_app.hook.changed_accounts
    assert (hook.name, hook.changes) == ("Countess", frozenset({"name"}))


async def test_a_soft_deleted_account_keeps_its_row_without_personal_data(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up(name="Ada")
    email, id = session["user"]["email"], session["user"]["id"]

    await auth_app.delete(f"/admin/users/{id}", auth_app.service_key, json={"should_soft_delete": True})

    assert (await auth_app.get(f"/admin/users/{id}", auth_app.service_key)).status_code == 404
    assert (await auth_app.sign_in(email)).json()["error_code"] == "invalid_credentials"
    assert (await auth_app.refresh(session["refresh_token"])).status_code == 400
    assert (auth_app.hook.changed_accounts[-1].name, auth_app.hook.changed_accounts[-1].email) == ("Guest", None)
    async with auth_app.repository.transaction() as transaction:
        row = await transaction.fetch_row("select * from auth.users where id = $1", UUID(id))
    assert row is not None
    assert email not in str(dict(row))
    assert "Ada" not in str(dict(row))
    assert (await auth_app.sign_up(email))["user"]["id"] != id


async def test_a_registered_address_is_not_inserted_again(auth_app: AuthApp) -> None:
    email = new_email()

    async with auth_app.repository.transaction() as transaction:
        first = await auth_app.repository.insert(transaction, NewAccount(email))
        second = await auth_app.repository.insert(transaction, NewAccount(email))
        stored = await auth_app.repository.find_by_email(transaction, email)

    assert second is None
    assert first == stored
    assert [identity.provider for identity in (first.identities if first else ())] == ["email"]


async def test_the_page_filter_matches_text_literally(auth_app: AuthApp) -> None:
    email = new_email("per_cent")
    async with auth_app.repository.transaction() as transaction:
        await auth_app.repository.insert(transaction, NewAccount(email))
        matching, total = await auth_app.repository.find_page(transaction, limit=10, offset=0, email_filter=email[:20])
        wildcard = await auth_app.repository.find_page(
            transaction, limit=10, offset=0, email_filter=email.replace("_", "%")[:20]
        )

    assert ([account.email for account in matching], total) == ([email], 1)
    assert wildcard == ([], 0)
