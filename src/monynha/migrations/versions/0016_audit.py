"""Run sql/0016_audit.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0016_audit")
