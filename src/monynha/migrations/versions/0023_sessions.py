"""Run sql/0023_sessions.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0023_sessions")
