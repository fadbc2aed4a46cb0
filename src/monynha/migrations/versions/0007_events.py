"""The schema of sql/0007_events.sql."""

from monynha.migrations.script import run

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0007_events")
