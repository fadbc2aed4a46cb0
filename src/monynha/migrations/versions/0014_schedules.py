"""Run sql/0014_schedules.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0014_schedules")
