"""Galleries, blocks and references.

Revision: 0001
Follows: nothing
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables of the first version."""
    op.create_table(
        "gallery",
        sa.Column("gallery_id", sa.LargeBinary(16), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.LargeBinary(), nullable=False),
        sa.Column("manifest_version", sa.BigInteger(), nullable=False),
        sa.Column("manifest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("gallery_id", name="pk_gallery"),
        sa.UniqueConstraint("name", name="uq_gallery_name"),
    )
    op.create_table(
        "block",
        sa.Column("gallery_id", sa.LargeBinary(16), nullable=False),
        sa.Column("block_index", sa.Integer(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("header", sa.LargeBinary(), nullable=False),
        sa.Column("columns", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("gallery_id", "block_index", name="pk_block"),
        sa.ForeignKeyConstraint(
            ["gallery_id"], ["gallery.gallery_id"], name="fk_block_gallery", ondelete="CASCADE"
        ),
    )
    op.create_table(
        "reference",
        sa.Column("gallery_id", sa.LargeBinary(16), nullable=False),
        sa.Column("block_index", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.LargeBinary(16), nullable=False),
        sa.Column("pseudonym", sa.LargeBinary(16), nullable=False),
        sa.Column("content_tag", sa.LargeBinary(16), nullable=False),
        sa.Column("sealed_label", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("gallery_id", "block_index", "position", name="pk_reference"),
        sa.UniqueConstraint("reference_id", name="uq_reference_reference_id"),
        sa.ForeignKeyConstraint(
            ["gallery_id", "block_index"],
            ["block.gallery_id", "block.block_index"],
            name="fk_reference_block",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_reference_pseudonym", "reference", ["pseudonym"])
    if op.get_bind().dialect.name == "postgresql":
        # Ciphertext does not compress; trying costs time at every write and read.
        op.execute('ALTER TABLE "block" ALTER COLUMN "columns" SET STORAGE EXTERNAL')


def downgrade() -> None:
    """Drop all tables, and every gallery with them."""
    op.drop_index("ix_reference_pseudonym", "reference")
    op.drop_table("reference")
    op.drop_table("block")
    op.drop_table("gallery")
