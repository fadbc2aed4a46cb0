"""The schema of sql/0008_notifications.sql."""

from monynha.migrations.script import run

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0008_notifications")
