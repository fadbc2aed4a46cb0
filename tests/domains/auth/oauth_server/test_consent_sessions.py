"""The cookie of the consent page: what it proves, and that it ends."""

from __future__ import annotations

from uuid import UUID, uuid4

from monynha.domains.auth.oauth_server.consent_sessions import BrowserState
from tests.domains.auth.conftest import AuthApp
from tests.domains.auth.oauth_clients import Application


async def test_a_cookie_is_read_back_and_nothing_else_is(oauth_app: AuthApp) -> None:
    sessions = oauth_app.auth.oauth_server.consent_sessions
    state = BrowserState(sessions.new_state().nonce, uuid4())
    cookie = sessions.encode(state)

    assert sessions.decode(cookie) == state
    assert sessions.decode(sessions.encode(sessions.new_state())) is not None
    for other in ("", ".", "..", cookie[:-1], cookie + "0", cookie.upper(), "é" * 20, "x" * 1000, f"x{cookie}"):
        assert sessions.decode(other) is None


async def test_a_form_token_depends_on_browser_session_and_authorization(oauth_app: AuthApp) -> None:
    sessions = oauth_app.auth.oauth_server.consent_sessions
    state = BrowserState(sessions.new_state().nonce, uuid4())
    token = sessions.form_token(state, "a")

    assert sessions.is_form_token(token, state, "a")
    assert not sessions.is_form_token(token, state, "b")
    assert not sessions.is_form_token(token, BrowserState(state.nonce), "a")
    assert not sessions.is_form_token(token, BrowserState(sessions.new_state().nonce, state.session_id), "a")
    assert not sessions.is_form_token("é", state, "a")


async def test_an_application_that_knows_its_session_is_nobody_here(oauth_app: AuthApp) -> None:
    person = await oauth_app.sign_up()
    application = await Application.register(oauth_app)
    tokens = await application.tokens_for(person["access_token"])
    sessions = oauth_app.auth.oauth_server.consent_sessions
    actor = oauth_app.auth.tokens.verify(tokens["access_token"])
    own = oauth_app.auth.tokens.verify(person["access_token"])

    assert await sessions.find_user(BrowserState("n", actor.session_id)) is None
    user = await sessions.find_user(BrowserState("n", own.session_id))
    assert user is not None
    assert user.account.id == UUID(person["user"]["id"])
