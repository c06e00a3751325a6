"""The database's shape, one Alembic revision a change."""
