"""Run sql/0019_oauth_flows.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0019_oauth_flows")
