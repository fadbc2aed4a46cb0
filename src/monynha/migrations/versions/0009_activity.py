"""The schema of sql/0009_activity.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run_sql_file("0009_activity")
