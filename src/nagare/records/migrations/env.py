"""Alembic's entry: runs migrations on the connection that ``records.migrate`` hands in."""

from __future__ import annotations

from alembic import context

from nagare.records.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite changes a column only by copying its table
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
