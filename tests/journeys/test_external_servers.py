"""The program on servers that are not its own: the oldest PostgreSQL it takes, and the newest."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.journeys.external import Postgres, installations, postgres
from tests.journeys.program import CLI, SERVE, Program, end, running

PLAIN = "nosuperuser nobypassrls nocreaterole nocreatedb"
NOT_BROUGHT_UP = (
    "monynha: DATABASE_URL: the database is not at this release, or not prepared for the login; "
    "run `monynha migrate`, or set MONYNHA_MIGRATE=auto.\n"
)


@pytest.fixture(scope="module", params=installations())
def installed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with postgres(request.param, tmp_path_factory.mktemp("postgres") / "server") as server:
        yield server


@pytest.fixture
def server(installed: Postgres) -> Iterator[Postgres]:
    """A server without any role or database of ours."""
    yield installed
    installed.clear()


def environ(server: Postgres, *, app: str = "app", owner: str = "", **more: str) -> dict[str, str]:
    urls = {"DATABASE_URL": server.url(app), **({"DATABASE_OWNER_URL": server.url(owner)} if owner else {})}
    return {"PATH": os.environ["PATH"], "JWT_SECRET": "7f" * 20 + "k3y", **urls, **more}


def migrate(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*CLI, "migrate"], cwd="/", env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def refused(folder: Path, environ: dict[str, str]) -> str:
    program = Program(folder, *SERVE, **environ)
    try:
        return program.refusal()
    finally:
        end(program)


def sign_up(program: Program) -> httpx.Response:
    body = {"name": "Ada", "email": "ada@example.com", "password": "a long secret"}
    return httpx.post(f"{program.url}/api/v1/users", json=body, timeout=10)


def signs_up(program: Program) -> int:
    return sign_up(program).status_code


def test_one_login_without_rights_is_told_the_sql_and_served_once_it_was_run(
    server: Postgres, tmp_path: Path
) -> None:
    server.make(f"app {PLAIN}")
    given = environ(server)

    told = migrate(given)
    assert told.returncode == 1
    head, sql = told.stderr.split("\n\n", 1)
    assert head.startswith("monynha: DATABASE_OWNER_URL: the login may not prepare the database.")
    server.administer(sql, database="board")

    assert migrate(given).stdout == "The database is at release 0.1.0.\n"
    assert migrate(given).stdout == "The database is at release 0.1.0, as it was.\n"
    with running(tmp_path, *SERVE, **given) as program:
        assert signs_up(program) == 201


def test_one_login_that_may_make_roles_needs_nobody(server: Postgres, tmp_path: Path) -> None:
    server.make("app createrole", owner="app")

    with running(tmp_path, *SERVE, **environ(server, MONYNHA_MIGRATE="auto")) as program:
        assert signs_up(program) == 201


def test_a_login_that_only_serves_cannot_become_the_owner_of_the_tables(
    server: Postgres, tmp_path: Path
) -> None:
    server.make("house createrole", f"app {PLAIN}", owner="house")
    given = environ(server, owner="house")

    assert migrate(given).returncode == 0
    with running(tmp_path, *SERVE, **given) as program:
        assert signs_up(program) == 201
    memberships = server.administer(
        "select r.rolname from pg_auth_members m join pg_roles r on r.oid = m.roleid "
        "join pg_roles l on l.oid = m.member where l.rolname = 'app' order by 1"
    )
    assert ["monynha_admin", "monynha_app", "monynha_system"] == [row["rolname"] for row in memberships]


def test_a_login_that_came_later_is_let_in_by_migrating_again(server: Postgres, tmp_path: Path) -> None:
    server.make("house createrole", f"app {PLAIN}", f"later {PLAIN}", owner="house")
    migrate(environ(server, owner="house"))
    given = environ(server, app="later", owner="house")

    assert refused(tmp_path / "before", given) == NOT_BROUGHT_UP
    assert migrate(given).returncode == 0
    with running(tmp_path / "after", *SERVE, **given) as program:
        assert signs_up(program) == 201


def test_an_owner_of_roles_but_not_of_the_database_is_told_the_sql(server: Postgres) -> None:
    server.make("house createrole", f"app {PLAIN}")

    told = migrate(environ(server, owner="house"))

    assert told.returncode == 1
    assert "Have an administrator run this SQL in it" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ("superuser", "the login is a superuser, whom row-level security does not hold."),
        ("bypassrls", "the login is a role with BYPASSRLS, whom row-level security does not hold."),
    ],
)
def test_a_login_above_the_rules_is_refused(
    server: Postgres, tmp_path: Path, attributes: str, says: str
) -> None:
    server.make(f"app {attributes}")

    assert refused(tmp_path, environ(server)) == f"monynha: DATABASE_URL: {says}\n"


def test_a_login_that_owns_a_table_is_refused(server: Postgres, tmp_path: Path) -> None:
    server.make("house createrole", f"app {PLAIN}", owner="house")
    migrate(environ(server, owner="house"))
    server.administer("create table notes (id int)", "alter table notes owner to app", database="board")

    told = refused(tmp_path, environ(server))

    assert told == "monynha: DATABASE_URL: the login owns tables (notes); monynha_owner should.\n"


def test_a_login_that_inherits_a_role_is_refused(server: Postgres, tmp_path: Path) -> None:
    server.make("house createrole", "app inherit", owner="house")
    migrate(environ(server, owner="house"))
    server.administer("alter role app inherit", "revoke monynha_app from app", "grant monynha_app to app")

    told = refused(tmp_path, environ(server))

    assert told.startswith("monynha: DATABASE_URL: the login inherits the rights of monynha_")
    assert told.count("\n") == 1


def test_serving_never_migrates_unasked(server: Postgres, tmp_path: Path) -> None:
    server.make("app createrole", owner="app")

    assert refused(tmp_path, environ(server)) == NOT_BROUGHT_UP
    assert [] == server.administer("select 1 from pg_namespace where nspname = 'monynha'", database="board")


def test_two_that_migrate_at_once_both_serve(server: Postgres, tmp_path: Path) -> None:
    server.make("app createrole", owner="app")
    # A Valkey that is away on both sides: which one is shared is another test's subject.
    given = environ(server, MONYNHA_MIGRATE="auto", REDIS_URL="redis://127.0.0.1:1")
    both = [Program(tmp_path / name, *SERVE, **given) for name in ("one", "two")]
    try:
        statuses = [program.wait_ready().get("/readyz").status_code for program in both]
    finally:
        for program in both:
            end(program)

    assert [200, 200] == statuses


@pytest.mark.parametrize("how", ["auto", "manual"])
def test_an_older_release_leaves_a_newer_ones_policies_alone(
    server: Postgres, tmp_path: Path, how: str
) -> None:
    server.make("app createrole", owner="app")
    migrate(environ(server))
    server.administer(
        "update monynha.applied set release = '99.0.0', fingerprint = 'newer'", database="board"
    )

    told = refused(tmp_path, environ(server, MONYNHA_MIGRATE=how))

    assert told == (
        "monynha: DATABASE_URL: the database belongs to release 99.0.0, this is 0.1.0; an older program "
        "does not apply its policies. Start the newer release.\n"
    )
    found = server.administer("select fingerprint from monynha.applied", database="board")
    assert ["newer"] == [row["fingerprint"] for row in found]


def test_a_database_that_goes_away_is_503_and_comes_back_by_itself(server: Postgres, tmp_path: Path) -> None:
    server.make("app createrole", owner="app")
    with running(tmp_path, *SERVE, **environ(server, MONYNHA_MIGRATE="auto")) as program:
        before = signs_up(program)
        server.stop()
        away = sign_up(program)
        ready = program.get("/readyz")
        server.start()
        program.get_until("/readyz", 200)
        again = signs_up(program)

    assert before == 201
    assert (503, "UNAVAILABLE") == (away.status_code, away.json()["error"]["code"])
    assert int(away.headers["retry-after"]) > 0
    assert ready.status_code == 503
    assert again == 409  # the address is taken: nothing was forgotten


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("alter role app password 'another'", "the database refuses the login app."),
        ("drop database board", "the server has no database of that name."),
    ],
)
def test_why_a_database_cannot_be_had_is_told_in_one_line(
    server: Postgres, tmp_path: Path, statement: str, says: str
) -> None:
    server.make(f"app {PLAIN}")
    server.administer(statement)

    assert refused(tmp_path, environ(server)) == f"monynha: DATABASE_URL: {says}\n"
