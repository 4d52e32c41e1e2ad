"""Bringing a database to this release's schema."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from himalia.core.database import Database

MIGRATION_LOCK = 0x6D696772


def configuration() -> Config:
    """Alembic's configuration for this package's migrations."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def migrate(database: Database) -> None:
    """Upgrade to the newest schema; on PostgreSQL under a lock, so that one of several services does it."""
    config = configuration()
    with database.writer.connect() as connection:
        config.attributes["connection"] = connection
        if not database.is_sqlite:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({MIGRATION_LOCK})")
        try:
            command.upgrade(config, "head")
        finally:
            if not database.is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({MIGRATION_LOCK})")
