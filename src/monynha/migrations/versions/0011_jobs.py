"""Run sql/0011_jobs.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0011_jobs")
