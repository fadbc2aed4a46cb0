"""`monynha set-password`: a new password that ends all sessions."""

from __future__ import annotations

import httpx
import pytest

from tests.app.command_line import run_command, sign_in, sign_up
from tests.journeys.program import Program


def test_new_password_ends_the_sessions_and_the_old_password(running_program: Program) -> None:
    email = sign_up(running_program, "Ida", "the old secret")
    token = sign_in(running_program, email, "the old secret").json()["access_token"]

    result = run_command(running_program, "set-password", email, stdin="the new secret\n")

    assert result.returncode == 0, result.stderr
    response = httpx.get(f"{running_program.url}/api/v1/users/me", headers={"authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert sign_in(running_program, email, "the old secret").status_code == 400
    assert sign_in(running_program, email, "the new secret").status_code == 200


@pytest.mark.parametrize(
    ("email", "password", "message"),
    [
        ("nobody@example.com", "a fine secret", "nobody@example.com"),
        ("eve@example.com", "short", "password must "),
    ],
)
def test_refusal_says_why_in_one_line(running_program: Program, email: str, password: str, message: str) -> None:
    if email == "eve@example.com":
        sign_up(running_program, "Eve", "a fine secret")

    result = run_command(running_program, "set-password", email, stdin=f"{password}\n")

    assert result.returncode == 1
    assert result.stderr.startswith("monynha: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
