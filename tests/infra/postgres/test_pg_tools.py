"""PostgreSQL's programs: their errors, their output, and no password in their arguments."""

from __future__ import annotations

from pathlib import Path

import pytest

from monynha.infra.embedded import ServerUrls, find_postgres
from monynha.infra.postgres.pg_tools import PgToolError, PgTools

pytestmark = pytest.mark.anyio

URL = "postgresql://me:p%40ss@db.example:5433/board"


def create_tool(folder: Path, script: str) -> PgTools:
    """Return tools with one program, `tool`, that runs the shell script."""
    program = folder / "tool"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    return PgTools(folder, URL)


async def test_password_is_passed_in_the_environment_and_not_in_the_arguments(tmp_path: Path) -> None:
    tools = create_tool(tmp_path, f'echo "$* $PGPASSWORD" > {tmp_path}/called')

    await tools.run("tool", "--data-only")

    called = (tmp_path / "called").read_text().split()
    assert called == [
        "--dbname=postgresql://me@db.example:5433/board",
        "--role=monynha_owner",
        "--data-only",
        "p@ss",
    ]


async def test_failure_is_the_first_line_of_the_error_output(tmp_path: Path) -> None:
    tools = create_tool(tmp_path, "echo first >&2; echo second >&2; exit 1")

    with pytest.raises(PgToolError, match=r"^first$"):
        await tools.run("tool")
    with pytest.raises(PgToolError, match=r"^first$"):
        [line async for line in tools.stream_lines("tool")]


async def test_failure_without_output_names_the_tool(tmp_path: Path) -> None:
    with pytest.raises(PgToolError, match=r"^tool failed$"):
        await create_tool(tmp_path, "exit 3").run("tool")


async def test_output_is_streamed_by_line(tmp_path: Path) -> None:
    tools = create_tool(tmp_path, "echo one; echo two")

    assert [line async for line in tools.stream_lines("tool")] == [b"one\n", b"two\n"]


async def test_program_that_is_not_read_to_its_end_is_killed(tmp_path: Path) -> None:
    tools = create_tool(tmp_path, f"echo $$ > {tmp_path}/pid; while true; do echo more; done")
    lines = tools.stream_lines("tool")
    assert await anext(lines) == b"more\n"

    await lines.aclose()  # type: ignore[attr-defined]  # an async generator

    assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


async def test_database_is_dumped(running_servers: ServerUrls, tmp_path: Path) -> None:
    tools = PgTools(find_postgres(None), running_servers.owner_url)

    await tools.run("pg_dump", "--schema-only", f"--file={tmp_path}/dump.sql")

    assert "CREATE TABLE public.projects" in (tmp_path / "dump.sql").read_text()
