"""The schema of sql/0004_projects.sql."""

from monynha.migrations.script import run

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0004_projects")
