"""Run sql/0005_tasks.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0005_tasks")
