"""Workflows, versions, releases and deliveries, the middle two append-only."""

import sqlalchemy as sa
from alembic import op

from registry.migrations.append_only import protect

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# What SQLite's INSERT OR REPLACE would write over, asking no DELETE trigger.
_SAME_RECORD = {
    "versions": "SELECT 1 FROM versions WHERE workflow = NEW.workflow "
    "AND (number = NEW.number OR tag = NEW.tag OR digest = NEW.digest)",
    "releases": "SELECT 1 FROM releases WHERE workflow = NEW.workflow "
    "AND environment = NEW.environment AND generation = NEW.generation",
}


def upgrade() -> None:
    """Make the tables and the triggers that keep the records."""
    _create_tables()
    for table, same_record in _SAME_RECORD.items():
        protect(table, same_record=same_record)


def downgrade() -> None:
    """Nothing recorded is lost: there is no way back to no tables."""
    raise NotImplementedError("the registry's records are not thrown away; restore a backup instead")


def _create_tables() -> None:
    op.create_table(
        "workflows",
        sa.Column("name", sa.String(63), primary_key=True),
        sa.Column("created_at", sa.String(), nullable=False),
    )
    op.create_table(
        "versions",
        sa.Column("workflow", sa.String(63), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("tag", "digest", "manifest", "note", "actor")),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("created_at", "previous_hash", "hash")),
        sa.UniqueConstraint("workflow", "tag"),
        sa.UniqueConstraint("workflow", "digest"),
    )
    op.create_table(
        "releases",
        sa.Column("workflow", sa.String(63), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("version", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.String(), nullable=False) for name in ("tag", "digest", "kind", "actor", "reason")),
        sa.Column("released_at", sa.String(), nullable=False),
        sa.Column("previous_version", sa.Integer()),
        sa.Column("override_hold", sa.Boolean(), nullable=False),
        sa.Column("previous_hash", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("revert_to", sa.Integer()),
        sa.Column("revert_at", sa.String()),
        sa.ForeignKeyConstraint(["workflow", "version"], ["versions.workflow", "versions.number"]),
    )
    op.create_index("releases_by_version", "releases", ["workflow", "environment", "version", "generation"])
    op.create_index(
        "releases_by_previous_version", "releases", ["workflow", "environment", "previous_version", "generation"]
    )
    op.create_table(
        "deliveries",
        sa.Column("workflow", sa.String(63), sa.ForeignKey("workflows.name"), primary_key=True),
        sa.Column("environment", sa.String(63), primary_key=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("delivered_at", sa.String()),
    )
