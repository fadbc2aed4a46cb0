"""The schema of sql/0006_idempotency.sql."""

from monynha.migrations.script import run

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make what the file declares."""
    run("0006_idempotency")
