"""Run sql/0017_anonymous_and_phone_accounts.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0017_anonymous_and_phone_accounts")
