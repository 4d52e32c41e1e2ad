"""Alembic's entry: runs the migrations on the connection that `core.migrate` opened."""

from __future__ import annotations

from alembic import context

from himalia.core.database import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=False,
)
context.run_migrations()
