"""Links between things: lineage, "used by", and why a thing cannot be deleted."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from himalia.core.database import Transaction, metadata

links = sa.Table(
    "links",
    metadata,
    sa.Column("from_id", sa.String(80), primary_key=True),
    sa.Column("to_id", sa.String(80), primary_key=True),
    sa.Column("kind", sa.String(40), primary_key=True),
    sa.Index("ix_links_to", "to_id", "kind"),
)
_INSERT = links.insert()
_SAME = sa.select(links.c.kind).where(*(column == sa.bindparam(column.name) for column in links.c))


def add(tx: Transaction, from_id: str, to_id: str, kind: str) -> None:
    """Record that `from_id` uses `to_id`; a link that exists stays one."""
    row = {"from_id": from_id, "to_id": to_id, "kind": kind}
    if not tx.careful or tx.execute(_SAME, row).first() is None:
        tx.add(_INSERT, row)


def remove_from(tx: Transaction, from_id: str) -> None:
    """Forget everything that `from_id` uses."""
    tx.execute(links.delete().where(links.c.from_id == from_id))


def forget(tx: Transaction, ids: Sequence[str]) -> None:
    """Remove every link from and to things that are gone for good."""
    tx.execute(links.delete().where(sa.or_(links.c.from_id.in_(ids), links.c.to_id.in_(ids))))
