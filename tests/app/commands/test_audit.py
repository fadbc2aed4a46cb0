"""`monynha audit verify`: an operator checks the audit log beside a program that serves."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
import pytest

from monynha.app.cli import make_app
from monynha.app.command_error import CommandError
from monynha.core.settings.settings import Settings
from monynha.infra.embedded import run_servers
from tests.app.command_line import run_command, sign_in, sign_up
from tests.journeys.program import SERVE, Program, run_program

PASSWORD = "correct horse battery"


def verify(program: Program, *arguments: str) -> tuple[int, Any]:
    """Return the exit code and the JSON that the command prints."""
    result = run_command(program, "audit", "verify", "--json", *arguments)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


async def tamper(program: Program, statement: str) -> None:
    """Execute a statement as the owner of the tables, past the triggers."""
    async with run_servers(Settings.read({"MONYNHA_DATA_DIR": str(program.data_dir)})) as servers:
        connection = await asyncpg.connect(servers.owner_url)
        try:
            await connection.execute("set role monynha_owner")
            await connection.execute("alter table monynha.audit_events disable trigger user")
            await connection.execute(statement)
        finally:
            await connection.close()


def test_a_removed_sign_in_is_found(tmp_path_factory: pytest.TempPathFactory) -> None:
    with run_program(tmp_path_factory.mktemp("audit"), *SERVE, MONYNHA_LIMIT_AUTH="off") as program:
        email = sign_up(program, "Ada", PASSWORD)
        sign_in(program, email, "a wrong password")
        sign_in(program, email, PASSWORD)
        intact_code, intact = verify(program, "--seal")
        anchor = f"{intact['head']['number']}:{intact['head']['hash']}"
        asyncio.run(tamper(program, "delete from monynha.audit_events where action = 'sign_in.failed'"))
        changed_code, changed = verify(program, "--anchor", anchor)
        other_anchor_code, _ = verify(program, "--anchor", f"7:{'a' * 64}")
        text = run_command(program, "audit", "verify")

    assert (intact_code, intact["intact"], intact["unsealedEvents"]) == (0, True, 0)
    assert intact["sealedEvents"] >= 3
    assert (changed_code, changed["intact"]) == (1, False)
    [finding] = changed["findings"]
    assert [*finding["events"]] == ["removed"]
    assert other_anchor_code == 1
    assert text.returncode == 1
    assert "removed" in text.stdout
    assert "Something was changed." in text.stdout


@pytest.mark.parametrize("anchor", ["", "1", "1:abc", f"x:{'a' * 64}", f"1:{'g' * 64}"])
def test_a_malformed_anchor_is_named(anchor: str) -> None:
    with pytest.raises(CommandError, match=r"^--anchor must be the number of a seal"):
        make_app()(["audit", "verify", "--anchor", anchor], result_action="return_value")
