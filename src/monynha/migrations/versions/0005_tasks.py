"""The schema of sql/0005_tasks.sql."""

from monynha.migrations.script import run

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0005_tasks")
