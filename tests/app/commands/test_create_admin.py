"""`monynha create-admin`: a new account, or one that exists, becomes a system admin."""

from __future__ import annotations

import json

from tests.app.command_line import fetch_data, run_command, sign_in, sign_up
from tests.journeys.program import Program


def test_new_admin_sees_the_projects_of_all_users(program_with_demo: Program) -> None:
    result = run_command(program_with_demo, "create-admin", "root@example.com", "--json", stdin="a very long secret\n")
    token = sign_in(program_with_demo, "root@example.com", "a very long secret").json()["access_token"]

    assert json.loads(result.stdout)["email"] == "root@example.com"
    assert len(fetch_data(program_with_demo, token, "/projects")) == 3


def test_existing_account_becomes_an_admin_without_signing_in_again(program_with_demo: Program) -> None:
    email = sign_up(program_with_demo, "Mo", "mo's own secret")
    token = sign_in(program_with_demo, email, "mo's own secret").json()["access_token"]
    visible_before = fetch_data(program_with_demo, token, "/projects")

    result = run_command(program_with_demo, "create-admin", email)

    assert result.stdout == "mo@example.com is an admin.\n"
    assert visible_before == []
    assert len(fetch_data(program_with_demo, token, "/projects")) == 3


def test_text_that_is_no_email_address_is_refused_in_one_line(running_program: Program) -> None:
    result = run_command(running_program, "create-admin", "no address", stdin="a fine secret\n")

    assert result.returncode == 1
    assert result.stderr.startswith("monynha: email ")
    assert result.stderr.count("\n") == 1
