"""Run an SQL file as a migration."""

from __future__ import annotations

from importlib.resources import files

from alembic import op
from sqlalchemy.util import await_only


def run_sql_file(name: str) -> None:
    """Run `sql/<name>.sql` in the transaction of the migration.

    It goes to asyncpg itself, which accepts several statements at once.
    """
    sql = files("monynha.migrations").joinpath("sql", f"{name}.sql").read_text()
    bind = op.get_bind()
    driver_connection = bind.connection.driver_connection
    assert driver_connection is not None
    await_only(driver_connection.execute(sql))
