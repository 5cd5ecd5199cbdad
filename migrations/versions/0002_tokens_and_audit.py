"""Tokens of the server, and its audit log.

Revision: 0002
Follows: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# On SQLite, REPLACE deletes a row without firing the trigger for deletions.
_SQLITE = [
    f"""CREATE TRIGGER audit_{name} BEFORE {event} ON audit {condition}
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
    for name, event, condition in (
        ("no_update", "UPDATE", ""),
        ("no_delete", "DELETE", ""),
        (
            "no_replace",
            "INSERT",
            "WHEN EXISTS (SELECT 1 FROM audit WHERE event_id = NEW.event_id)",
        ),
    )
]

_POSTGRESQL = [
    """CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the audit log is append-only'; END $$""",
    """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
       FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse()""",
]


def upgrade() -> None:
    """Add the tables of the server."""
    op.create_table(
        "token",
        sa.Column("token_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("every_gallery", sa.Integer(), nullable=False),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger(), nullable=True),
        sa.Column("revoked", sa.BigInteger(), nullable=True),
        sa.Column("salt", sa.LargeBinary(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("token_id", name="pk_token"),
        sa.UniqueConstraint("name", name="uq_token_name"),
    )
    op.create_table(
        "token_gallery",
        sa.Column("token_id", sa.String(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.PrimaryKeyConstraint("token_id", "name", name="pk_token_gallery"),
        sa.ForeignKeyConstraint(
            ["token_id"], ["token.token_id"], name="fk_token_gallery_token", ondelete="CASCADE"
        ),
    )
    _create_audit()


def _create_audit() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True
        ),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.Column("token_id", sa.String(16), nullable=True),
        sa.Column("token_name", sa.String(100), nullable=True),
        sa.Column("action", sa.String(64), nullable=False),
        sa.Column("gallery_id", sa.LargeBinary(16), nullable=True),
        sa.Column("gallery", sa.String(200), nullable=True),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("blocks", sa.Integer(), nullable=False),
        sa.Column("result", sa.String(64), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name="pk_audit"),
    )
    op.create_index("ix_audit_time", "audit", ["time", "event_id"])
    statements = {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
    for statement in statements.get(op.get_bind().dialect.name, []):
        op.execute(statement)


def downgrade() -> None:
    """Drop the tables of the server: all tokens, and the whole audit log."""
    op.drop_index("ix_audit_time", "audit")
    op.drop_table("audit")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_refuse()")
    op.drop_table("token_gallery")
    op.drop_table("token")
