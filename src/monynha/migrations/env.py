"""Alembic's entry point: run the migrations on the connection that `monynha migrate` provides."""

from __future__ import annotations

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, version_table="alembic_version", version_table_schema="monynha")
with context.begin_transaction():
    context.run_migrations()
