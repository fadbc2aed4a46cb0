"""Run sql/0015_report_unsubscriptions.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0015_report_unsubscriptions")
