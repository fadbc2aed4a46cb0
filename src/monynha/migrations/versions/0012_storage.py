"""Run sql/0012_storage.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL file."""
    run_sql_file("0012_storage")
