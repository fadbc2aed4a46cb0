"""Run sql/0018_factors.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0018_factors")
