"""The schema of sql/0003_posts.sql."""

from monynha.migrations.script import run

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0003_posts")
