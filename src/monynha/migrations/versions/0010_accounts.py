"""Run sql/0010_accounts.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0010_accounts")
