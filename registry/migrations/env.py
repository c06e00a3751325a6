"""Alembic's entry: it runs on the connection, and in the transaction, that `registry.database` hands in."""

from alembic import context
from sqlmodel import SQLModel

from registry import tables as tables  # fills the metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=SQLModel.metadata)
context.run_migrations()
