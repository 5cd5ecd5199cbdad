"""A chain of the audit log's rows, counts of events, and what was erased since it was last purged.

Revision: 0004
Follows: 0003
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_FIELDS = [
    *("time", "token_id", "token_name", "action", "gallery_id", "gallery", "probes", "blocks"),
    *("result", "request_id", "count", "boundary"),
]
_ROWS = 1_000
"""Rows that are chained at a time."""

_SQLITE_REFUSES = """CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""


def upgrade() -> None:
    """Add the columns and the table, and chain the rows that are there."""
    dialect = op.get_bind().dialect.name
    op.add_column(
        "audit", sa.Column("count", sa.Integer(), nullable=False, server_default=sa.text("1"))
    )
    op.add_column("audit", sa.Column("boundary", sa.LargeBinary(32), nullable=True))
    op.add_column("audit", sa.Column("digest", sa.LargeBinary(32), nullable=True))
    # The triggers keep rows as they are; these get their digests now.
    if dialect == "sqlite":
        op.execute("DROP TRIGGER audit_no_update")
        _chain()
        op.execute(_SQLITE_REFUSES)
    elif dialect == "postgresql":
        op.execute("ALTER TABLE audit DISABLE TRIGGER audit_append_only")
        _chain()
        op.execute("ALTER TABLE audit ENABLE TRIGGER audit_append_only")
    else:
        _chain()
    op.create_table(
        "erasure",
        sa.Column("erasure_id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("erased", sa.BigInteger(), nullable=False),
        sa.Column("purged", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("erasure_id", name="pk_erasure"),
    )


def _chain() -> None:
    audit = sa.table("audit", *(sa.column(name) for name in (*_FIELDS, "event_id", "digest")))
    changed = (
        sa.update(audit)
        .where(audit.c.event_id == sa.bindparam("row"))
        .values(digest=sa.bindparam("found"))
    )
    previous = bytes(32)
    for rows in _pages(audit):
        digests = []
        for row in rows:
            previous = _digest(previous, row)
            digests.append({"row": row.event_id, "found": previous})
        op.get_bind().execute(changed, digests)


def _pages(audit: sa.TableClause) -> Iterator[list[sa.Row[Any]]]:
    last = -(2**63)
    query = sa.select(audit).order_by(audit.c.event_id).limit(_ROWS)
    while rows := list(op.get_bind().execute(query.where(audit.c.event_id > last))):
        yield rows
        last = rows[-1].event_id


def _digest(previous: bytes, row: sa.Row[Any]) -> bytes:
    values = [row._mapping[name] for name in _FIELDS]
    shown = [bytes(item).hex() if isinstance(item, bytes | memoryview) else item for item in values]
    text = json.dumps(shown, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(b"gallery audit row" + previous + text.encode("ascii")).digest()


def downgrade() -> None:
    """Drop the chain, counts and boundaries; the rows themselves stay."""
    op.drop_table("erasure")
    for name in ("digest", "boundary", "count"):
        op.drop_column("audit", name)
