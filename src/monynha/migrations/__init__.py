"""Alembic migrations: forward only, each one an SQL file.

env: Alembic's entry point
sql_file: runs an SQL file as a migration
versions: the revisions, each of which runs the file of its name in `sql/`

`before_policies.sql` drops all policies and grants; `monynha migrate` then applies every policies.sql anew.
"""
