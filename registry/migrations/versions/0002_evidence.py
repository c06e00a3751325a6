"""Evidence, append-only, and the gate's verdict on a release."""

import sqlalchemy as sa
from alembic import op

from registry.migrations.append_only import protect

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, its triggers, and the column."""
    op.add_column("releases", sa.Column("gate", sa.String()))
    op.create_table(
        "evidence",
        sa.Column("workflow", sa.String(63), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("kind", "subject")),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("digest", "environment", "body", "blobs", "actor")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("recorded_at", "previous_hash", "hash")),
        sa.ForeignKeyConstraint(["workflow", "version"], ["versions.workflow", "versions.number"]),
    )
    op.create_index("evidence_by_kind", "evidence", ["workflow", "kind", "number"])
    op.create_index("evidence_by_subject", "evidence", ["workflow", "subject", "number"])
    op.create_index("evidence_by_digest", "evidence", ["workflow", "digest", "kind", "number"])
    protect("evidence", same_record="SELECT 1 FROM evidence WHERE workflow = NEW.workflow AND number = NEW.number")


def downgrade() -> None:
    """Nothing recorded is lost: there is no way back to no evidence."""
    raise NotImplementedError("the registry's records are not thrown away; restore a backup instead")
