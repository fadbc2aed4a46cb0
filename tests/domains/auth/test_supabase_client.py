"""The unmodified Python client of Supabase against the running program."""

from __future__ import annotations

import asyncio
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from supabase_auth.errors import AuthApiError, AuthWeakPasswordError

from tests.domains.auth.conftest import PASSWORD, SMS_HOOK, RunAuthApp, new_email, new_phone


async def test_signing_up_out_and_in_again(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()

    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD, "options": {"data": {"name": "Ada"}}})
    assert signed_up.session is not None
    assert signed_up.user is not None
    assert signed_up.user.user_metadata["name"] == "Ada"
    await client.auth.sign_out()
    assert await client.auth.get_session() is None
    signed_in = await client.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    assert signed_in.user is not None
    assert signed_in.user.id == signed_up.user.id
    seen = await client.auth.get_user()
    assert seen is not None
    assert seen.user.email == email
    identities = await client.auth.get_user_identities()
    assert [identity.provider for identity in identities.identities] == ["email"]


async def test_refreshing_keeps_the_session(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client = await running_app.client()
    before = (await client.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert before is not None

    after = (await client.auth.refresh_session()).session

    assert after is not None
    assert after.refresh_token != before.refresh_token
    assert (await client.auth.get_user(after.access_token)) is not None


async def test_errors_have_their_codes(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_up({"email": email, "password": PASSWORD})

    with pytest.raises(AuthApiError) as wrong:
        await client.auth.sign_in_with_password({"email": email, "password": "a wrong one"})
    with pytest.raises(AuthApiError) as taken:
        await client.auth.sign_up({"email": email, "password": PASSWORD})
    with pytest.raises(AuthWeakPasswordError) as weak:
        await client.auth.sign_up({"email": new_email(), "password": "short"})
    with pytest.raises(AuthApiError) as anonymous:
        await client.auth.sign_in_anonymously()

    assert (wrong.value.status, wrong.value.code) == (400, "invalid_credentials")
    assert (taken.value.status, taken.value.code) == (422, "user_already_exists")
    assert weak.value.reasons == ["length"]
    assert anonymous.value.code == "anonymous_provider_disabled"


async def test_changing_the_own_account(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, new = await running_app.client(), new_email("new")
    await client.auth.sign_up({"email": new_email(), "password": PASSWORD})

    changed = await client.auth.update_user({"data": {"name": "Countess"}, "email": new})

    assert (changed.user.email, changed.user.user_metadata["name"]) == (new, "Countess")


async def test_signing_out_elsewhere_keeps_this_session(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    here, there, email = await running_app.client(), await running_app.client(), new_email()
    await here.auth.sign_up({"email": email, "password": PASSWORD})
    await there.auth.sign_in_with_password({"email": email, "password": PASSWORD})

    await here.auth.sign_out({"scope": "others"})

    assert await here.auth.get_user() is not None
    with pytest.raises(AuthApiError) as refused:
        await there.auth.get_user()
    assert refused.value.code == "session_not_found"


async def test_a_mailed_code_signs_in(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_in_with_otp({"email": email})

    code = running_app.auth_app.emails_to(email)[0].code
    verified = await client.auth.verify_otp({"email": email, "token": code, "type": "email"})

    assert verified.session is not None
    assert verified.user is not None
    assert verified.user.email_confirmed_at is not None


async def test_a_mailed_link_signs_in_with_the_pkce_verifier(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    client, email = await running_app.client(flow_type="pkce"), new_email()
    signed_up = await client.auth.sign_up({"email": email, "password": PASSWORD})
    assert signed_up.session is None

    async with httpx.AsyncClient() as browser:
        followed = await browser.get(running_app.auth_app.emails_to(email)[0].link)
    code = parse_qs(urlsplit(followed.headers["location"]).query)["code"][0]
    session = (await client.auth.exchange_code_for_session({"auth_code": code})).session

    assert session is not None
    assert session.user.email == email


async def test_resetting_a_forgotten_password(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, email = await running_app.client(), new_email()
    await client.auth.sign_up({"email": email, "password": PASSWORD})
    await client.auth.sign_out()
    await client.auth.reset_password_for_email(email)

    token = running_app.auth_app.emails_to(email)[0].token
    await client.auth.verify_otp({"token_hash": token, "type": "recovery"})
    await client.auth.update_user({"password": "remembered now"})

    signed_in = await client.auth.sign_in_with_password({"email": email, "password": "remembered now"})
    assert signed_in.session is not None


async def test_the_admin_api(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False)
    admin = (await running_app.client(running_app.auth_app.service_key)).auth.admin
    email = new_email()

    created = (await admin.create_user({"email": email, "password": PASSWORD, "email_confirm": True})).user
    fetched = (await admin.get_user_by_id(created.id)).user
    changed = (await admin.update_user_by_id(created.id, {"app_metadata": {"role": "admin"}})).user
    listed = await admin.list_users(page=1, per_page=1000)
    link = await admin.generate_link({"type": "magiclink", "email": email})
    invited = (await admin.invite_user_by_email(new_email("anonymous_user"))).user

    assert fetched.email == email
    assert changed.app_metadata["role"] == "admin"
    assert created.id in [user.id for user in listed]
    assert link.properties.action_link.startswith(f"{running_app.url}/auth/v1/verify?")
    assert link.user.id == created.id
    assert invited.invited_at is not None
    client = await running_app.client()
    session = (await client.auth.verify_otp({"token_hash": link.properties.hashed_token, "type": "magiclink"})).session
    assert session is not None
    await admin.sign_out(session.access_token)
    with pytest.raises(AuthApiError):
        await client.auth.get_user(session.access_token)
    await admin.delete_user(created.id)
    with pytest.raises(AuthApiError) as gone:
        await admin.get_user_by_id(created.id)
    assert gone.value.code == "user_not_found"


async def test_the_anon_key_cannot_use_the_admin_api(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    with pytest.raises(AuthApiError) as refused:
        await (await running_app.client()).auth.admin.list_users()

    assert refused.value.code == "not_admin"


async def test_an_anonymous_user_becomes_permanent(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False, anonymous_users=True)
    client, email = await running_app.client(), new_email()

    anonymous_user = (await client.auth.sign_in_anonymously({"options": {"data": {"theme": "dark"}}})).user
    assert anonymous_user is not None
    await client.auth.update_user({"email": email, "password": PASSWORD})
    code = running_app.auth_app.emails_to(email)[0].code
    verified = await client.auth.verify_otp({"email": email, "token": code, "type": "email_change"})
    claims = await client.auth.get_claims()

    assert anonymous_user.is_anonymous
    assert verified.user is not None
    assert (verified.user.id, verified.user.is_anonymous) == (anonymous_user.id, False)
    assert claims is not None
    assert dict(claims["claims"])["is_anonymous"] is False
    signed_in = await (await running_app.client()).auth.sign_in_with_password({"email": email, "password": PASSWORD})
    assert signed_in.user is not None
    assert signed_in.user.id == anonymous_user.id


async def test_a_code_by_text_message_signs_in(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=False, **SMS_HOOK)
    client, phone = await running_app.client(), new_phone()

    await client.auth.sign_in_with_otp({"phone": "+1234567890"})
    with pytest.raises(AuthApiError) as wrong:
        await client.auth.verify_otp({"phone": "+1234567890", "token": "000000", "type": "sms"})
    tested = await client.auth.verify_otp({"phone": "+1234567890", "token": "123456", "type": "sms"})
    await client.auth.sign_up({"phone": phone, "password": PASSWORD})
    code = running_app.auth_app.codes_to(phone)[0]
    await client.auth.verify_otp({"phone": phone, "token": code, "type": "sms"})
    signed_in = await client.auth.sign_in_with_password({"phone": phone, "password": PASSWORD})

    assert wrong.value.code == "otp_expired"
    assert tested.user is not None
    assert tested.user.phone == "1234567890"
    assert signed_in.user is not None
    assert signed_in.user.phone == phone


async def test_two_clients_refresh_the_same_session_at_once(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    first, second = await running_app.client(), await running_app.client()
    session = (await first.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert session is not None

    answers = await asyncio.gather(
        *(client.auth.refresh_session(session.refresh_token) for client in (first, second) for _ in range(3))
    )

    sessions = [answer.session for answer in answers if answer.session]
    assert len(sessions) == 6
    assert len({refreshed.refresh_token for refreshed in sessions}) == 1
    for client in (first, second):
        assert await client.auth.get_user() is not None
        assert (await client.auth.refresh_session()).session is not None


async def test_a_refresh_token_that_was_replaced_long_ago_ends_the_session(run_auth_app: RunAuthApp) -> None:
    running_app = await run_auth_app(autoconfirm=True)
    client, thief = await running_app.client(), await running_app.client()
    stolen = (await client.auth.sign_up({"email": new_email(), "password": PASSWORD})).session
    assert stolen is not None
    for _ in range(2):
        await client.auth.refresh_session()
    running_app.auth_app.clock.advance(seconds=60)

    with pytest.raises(AuthApiError) as reused:
        await thief.auth.refresh_session(stolen.refresh_token)
    with pytest.raises(AuthApiError) as ended:
        await client.auth.refresh_session()

    assert str(reused.value.code) == "refresh_token_already_used"
    assert ended.value.code == "session_not_found"
