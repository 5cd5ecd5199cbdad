"""Hints of blocks, and check sums of galleries.

Revision: 0003
Follows: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; galleries that are there have neither."""
    op.add_column("block", sa.Column("hint", sa.LargeBinary(), nullable=True))
    op.add_column("gallery", sa.Column("check_sums", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Drop the columns: galleries with hints cannot be searched any more."""
    op.drop_column("gallery", "check_sums")
    op.drop_column("block", "hint")
