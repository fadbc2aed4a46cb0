"""Responses of /auth/v1: error formats and caching."""

from __future__ import annotations

import pytest

from tests.domains.auth.conftest import PASSWORD, AuthApp


@pytest.mark.parametrize("version", ["2024-01-01", "2024-01-02", "2999-12-31"])
async def test_new_clients_get_the_code_as_a_word_and_the_version_back(auth_app: AuthApp, version: str) -> None:
    response = await auth_app.sign_in_as_unknown_user({"X-Supabase-Api-Version": version})

    assert response.json() == {"code": "invalid_credentials", "message": "Invalid login credentials"}
    assert response.headers["x-supabase-api-version"] == "2024-01-01"


@pytest.mark.parametrize("version", [None, "2023-12-31", "2024-1-1", "rubbish", "2024-01-01, 2024-01-01"])
async def test_old_clients_get_the_status_as_the_code(auth_app: AuthApp, version: str | None) -> None:
    response = await auth_app.sign_in_as_unknown_user({"X-Supabase-Api-Version": version} if version else {})

    assert response.json() == {
        "code": 400,
        "error_code": "invalid_credentials",
        "msg": "Invalid login credentials",
    }
    assert "x-supabase-api-version" not in response.headers
    assert response.headers["x-sb-error-code"] == "invalid_credentials"


@pytest.mark.parametrize("layout", [{}, {"X-Supabase-Api-Version": "2024-01-01"}])
async def test_a_weak_password_has_its_reasons_in_both_formats(auth_app: AuthApp, layout: dict[str, str]) -> None:
    response = await auth_app.post("/signup", {"email": "a@b.co", "password": "short"}, headers=layout)

    assert response.status_code == 422
    assert response.json()["weak_password"] == {"reasons": ["length"]}


async def test_general_errors_have_the_same_format(auth_app: AuthApp) -> None:
    nowhere = await auth_app.get("/nowhere")
    wrong_method = await auth_app.request("PATCH", "/user")
    too_large = await auth_app.request("POST", "/signup", content=b'{"a":"' + b"x" * 1_100_000 + b'"}')
    twice = await auth_app.post("/token?grant_type=password&grant_type=password", {})

    assert (nowhere.status_code, nowhere.json()["error_code"]) == (404, "not_found")
    assert (wrong_method.status_code, wrong_method.headers["allow"]) == (405, "GET, HEAD, OPTIONS, PUT")
    assert wrong_method.json()["error_code"] == "method_not_allowed"
    assert (too_large.status_code, too_large.json()["error_code"]) == (413, "payload_too_large")
    assert (twice.status_code, twice.json()["error_code"]) == (400, "validation_failed")


async def test_an_internal_error_reveals_nothing_but_its_id(auth_app: AuthApp) -> None:
    async def fail(transaction: object, account: object) -> None:
        raise RuntimeError("secret detail")

    auth_app.hook.on_created = fail  # type: ignore[method-assign]  # a hook that fails
    response = await auth_app.post("/signup", {"email": "fails@example.com", "password": PASSWORD})

    assert response.status_code == 500
    assert response.json() == {
        "code": 500,
        "error_code": "unexpected_failure",
        "msg": "Something went wrong on our side.",
        "error_id": response.headers["x-request-id"],
    }


async def test_responses_about_a_user_are_not_cached(auth_app: AuthApp) -> None:
    session = await auth_app.sign_up()

    for response in (await auth_app.get("/user", session["access_token"]), await auth_app.sign_in("x@example.com")):
        assert response.headers["cache-control"] == "no-store"
