"""Bearer tokens of the server."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("scope", "name", "hash", "actor", "created_at")),
        *(sa.Column(name, sa.String()) for name in ("expires_at", "revoked_at")),
        sa.Column("revoked_by", sa.String(), nullable=False),
    )


def downgrade() -> None:
    """Nothing recorded is lost: there is no way back to no tokens."""
    raise NotImplementedError("the registry's records are not thrown away; restore a backup instead")
