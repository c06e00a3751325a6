"""What running drills hold, and which weeks have had theirs. Working state: what drills found out is evidence."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "drill_leases",
        sa.Column("workflow", sa.String(63), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("drill", "owner", "lease_until", "plan")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("phase", "progress")),
    )
    op.create_table(
        "drill_weeks",
        sa.Column("workflow", sa.String(63), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("week", sa.String(8), primary_key=True),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("drill", "state", "not_before")),
        sa.Column("attempts", sa.Integer(), nullable=False),
    )


def downgrade() -> None:
    """Nothing recorded is lost: there is no way back to no drills."""
    raise NotImplementedError("the registry's records are not thrown away; restore a backup instead")
