"""The program on an external PostgreSQL: the oldest supported version, and the newest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.journeys.external_postgres import Postgres, installations, run_postgres
from tests.journeys.program import CLI, ROOT, SERVE, Program, run_program, stop_and_clean_up

UNPRIVILEGED = "nosuperuser nobypassrls nocreaterole nocreatedb"
NOT_MIGRATED = (
    "monynha: DATABASE_URL: the database is not at this release, or not prepared for the login; "
    "run `monynha migrate`, or set MONYNHA_MIGRATE=auto.\n"
)


@pytest.fixture(scope="module", params=installations())
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with run_postgres(request.param, tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


@pytest.fixture
def server(installed: Postgres) -> Iterator[Postgres]:
    """A server without any role or database of ours."""
    yield installed
    installed.drop_everything()


def environment(server: Postgres, *, app_login: str = "app", owner_login: str = "", **extra: str) -> dict[str, str]:
    urls = {
        "DATABASE_URL": server.url(app_login),
        **({"DATABASE_OWNER_URL": server.url(owner_login)} if owner_login else {}),
    }
    base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "JWT_SECRET": "7f" * 20 + "k3y"}
    return {**base, **urls, **extra}


def migrate(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, "migrate"], cwd="/", env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def startup_error(folder: Path, environ: dict[str, str]) -> str:
    program = Program(folder, *SERVE, **environ)
    try:
        return program.startup_error()
    finally:
        stop_and_clean_up(program)


def sign_up(program: Program) -> httpx.Response:
    body = {"name": "Ada", "email": "ada@example.com", "password": "a long secret"}
    return httpx.post(f"{program.url}/api/v1/users", json=body, timeout=10)


def sign_up_status(program: Program) -> int:
    return sign_up(program).status_code


def test_login_without_rights_gets_the_sql_and_works_once_it_was_run(server: Postgres, tmp_path: Path) -> None:
    server.create_database(f"app {UNPRIVILEGED}")
    environ = environment(server)

    result = migrate(environ)
    assert result.returncode == 1
    message, sql = result.stderr.split("\n\n", 1)
    assert message.startswith("monynha: DATABASE_OWNER_URL: the login may not prepare the database.")
    server.execute_as_superuser(sql, database="board")

    assert migrate(environ).stdout == "The database is at release 0.1.0.\n"
    assert migrate(environ).stdout == "The database is at release 0.1.0; nothing was to do.\n"
    with run_program(tmp_path, *SERVE, **environ) as program:
        assert sign_up_status(program) == 201


def test_login_that_may_create_roles_needs_no_administrator(server: Postgres, tmp_path: Path) -> None:
    server.create_database("app createrole", owner="app")

    with run_program(tmp_path, *SERVE, **environment(server, MONYNHA_MIGRATE="auto")) as program:
        assert sign_up_status(program) == 201


def test_login_that_only_serves_cannot_become_the_owner_of_the_tables(server: Postgres, tmp_path: Path) -> None:
    server.create_database("admin createrole", f"app {UNPRIVILEGED}", owner="admin")
    environ = environment(server, owner_login="admin")

    assert migrate(environ).returncode == 0
    with run_program(tmp_path, *SERVE, **environ) as program:
        assert sign_up_status(program) == 201
    memberships = server.execute_as_superuser(
        "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid "
        "join pg_roles l on l.oid = m.member where l.rolname = 'app' order by 1"
    )
    assert [row["rolname"] for row in memberships] == ["monynha_admin", "monynha_app", "monynha_system"]


def test_later_login_gets_its_roles_by_migrating_again(server: Postgres, tmp_path: Path) -> None:
    server.create_database("admin createrole", f"app {UNPRIVILEGED}", f"later {UNPRIVILEGED}", owner="admin")
    migrate(environment(server, owner_login="admin"))
    environ = environment(server, app_login="later", owner_login="admin")

    assert startup_error(tmp_path / "before", environ) == NOT_MIGRATED
    assert migrate(environ).returncode == 0
    with run_program(tmp_path / "after", *SERVE, **environ) as program:
        assert sign_up_status(program) == 201


def test_login_that_does_not_own_the_database_gets_the_sql(server: Postgres) -> None:
    server.create_database("admin createrole", f"app {UNPRIVILEGED}")

    result = migrate(environment(server, owner_login="admin"))

    assert result.returncode == 1
    assert "Have an administrator run this SQL in it" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ("superuser", "the login is a superuser, which bypasses row-level security."),
        ("bypassrls", "the login is a role with BYPASSRLS, which bypasses row-level security."),
    ],
)
def test_login_that_bypasses_row_level_security_is_refused(
    server: Postgres, tmp_path: Path, attributes: str, message: str
) -> None:
    server.create_database(f"app {attributes}")

    assert startup_error(tmp_path, environment(server)) == f"monynha: DATABASE_URL: {message}\n"


def test_login_that_owns_a_table_is_refused(server: Postgres, tmp_path: Path) -> None:
    server.create_database("admin createrole", f"app {UNPRIVILEGED}", owner="admin")
    migrate(environment(server, owner_login="admin"))
    server.execute_as_superuser("create table notes (id int)", "alter table notes owner to app", database="board")

    message = startup_error(tmp_path, environment(server))

    assert message == "monynha: DATABASE_URL: the login owns tables (notes); monynha_owner should.\n"


def test_login_that_inherits_a_role_is_refused(server: Postgres, tmp_path: Path) -> None:
    server.create_database("admin createrole", "app inherit", owner="admin")
    migrate(environment(server, owner_login="admin"))
    server.execute_as_superuser("alter role app inherit", "revoke monynha_app from app", "grant monynha_app to app")

    message = startup_error(tmp_path, environment(server))

    assert message.startswith("monynha: DATABASE_URL: the login inherits the rights of monynha_")
    assert message.count("\n") == 1


def test_serve_does_not_migrate_an_external_database_by_default(server: Postgres, tmp_path: Path) -> None:
    server.create_database("app createrole", owner="app")

    assert startup_error(tmp_path, environment(server)) == NOT_MIGRATED
    assert server.execute_as_superuser("select 1 from pg_namespace where nspname = 'monynha'", database="board") == []


def test_two_programs_that_migrate_at_once_both_serve(server: Postgres, tmp_path: Path) -> None:
    server.create_database("app createrole", owner="app")
    # Both have an unreachable Valkey: whether they share one is the subject of another test.
    environ = environment(server, MONYNHA_MIGRATE="auto", REDIS_URL="redis://127.0.0.1:1")
    programs = [Program(tmp_path / name, *SERVE, **environ) for name in ("one", "two")]
    try:
        statuses = [program.wait_ready().get("/readyz").status_code for program in programs]
    finally:
        for program in programs:
            stop_and_clean_up(program)

    assert statuses == [200, 200]


@pytest.mark.parametrize("migrate_setting", ["auto", "manual"])
def test_older_release_does_not_replace_the_policies_of_a_newer_one(
    server: Postgres, tmp_path: Path, migrate_setting: str
) -> None:
    server.create_database("app createrole", owner="app")
    migrate(environment(server))
    server.execute_as_superuser(
        "update monynha.schema_release set release = '99.0.0', fingerprint = 'newer'", database="board"
    )

    message = startup_error(tmp_path, environment(server, MONYNHA_MIGRATE=migrate_setting))

    assert message == (
        "monynha: DATABASE_URL: the database belongs to release 99.0.0, this is 0.1.0; an older program "
        "does not apply its policies. Start the newer release.\n"
    )
    rows = server.execute_as_superuser("select fingerprint from monynha.schema_release", database="board")
    assert [row["fingerprint"] for row in rows] == ["newer"]


def test_unreachable_database_is_503_until_it_is_back(server: Postgres, tmp_path: Path) -> None:
    server.create_database("app createrole", owner="app")
    with run_program(tmp_path, *SERVE, **environment(server, MONYNHA_MIGRATE="auto")) as program:
        status_before = sign_up_status(program)
        server.stop()
        response_while_away = sign_up(program)
        readiness = program.get("/readyz")
        server.start()
        program.get_until_status("/readyz", 200)
        status_after = sign_up_status(program)

    assert status_before == 201
    assert response_while_away.status_code == 503
    assert response_while_away.json()["error"]["code"] == "UNAVAILABLE"
    assert int(response_while_away.headers["retry-after"]) > 0
    assert readiness.status_code == 503
    assert status_after == 409  # the email address is taken: nothing was lost


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("alter role app password 'another'", "the database rejects the login app."),
        ("drop database board", "the server has no database of that name."),
    ],
)
def test_reason_why_a_database_cannot_be_used_is_one_line(
    server: Postgres, tmp_path: Path, statement: str, message: str
) -> None:
    server.create_database(f"app {UNPRIVILEGED}")
    server.execute_as_superuser(statement)

    assert startup_error(tmp_path, environment(server)) == f"monynha: DATABASE_URL: {message}\n"
