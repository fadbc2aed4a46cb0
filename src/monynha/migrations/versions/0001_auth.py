"""The schema of sql/0001_auth.sql."""

from monynha.migrations.script import run

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0001_auth")
