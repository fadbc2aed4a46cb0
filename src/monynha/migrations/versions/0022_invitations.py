"""Run sql/0022_invitations.sql and sql/0022_people.sql."""

from monynha.migrations.sql_file import run_sql_file

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Run the SQL files."""
    run_sql_file("0022_invitations")
    run_sql_file("0022_people")
