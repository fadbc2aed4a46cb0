"""Run sql/0020_limited_tokens.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0020_limited_tokens")
