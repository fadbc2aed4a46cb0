"""Run sql/0021_oauth_server.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0021_oauth_server")
