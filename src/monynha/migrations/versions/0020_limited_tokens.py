"""Run sql/0020_limited_tokens.sql and sql/0020_signing_keys.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL files."""
    run_sql_file("0020_limited_tokens")
    run_sql_file("0020_signing_keys")
