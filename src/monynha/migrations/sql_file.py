"""Runs one SQL file as a migration: SQL is kept as SQL, with its own comments."""

from __future__ import annotations

from importlib.resources import files

from alembic import op
from sqlalchemy.util import await_only


def run_sql_file(name: str) -> None:
    """Run `sql/<name>.sql` in the migration's transaction; the driver itself takes many statements."""
    sql = files("monynha.migrations").joinpath("sql", f"{name}.sql").read_text()
    bind = op.get_bind()
    driver_connection = bind.connection.driver_connection
    assert driver_connection is not None
    await_only(driver_connection.execute(sql))
