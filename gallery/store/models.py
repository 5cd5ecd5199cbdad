"""The tables. What they hold is ciphertext, keyed hashes, and public properties."""

from __future__ import annotations

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

SCHEMA_REVISION = "0001"
"""The newest migration; a database at any other is refused."""

MAX_NAME = 200


class Base(DeclarativeBase):
    """Base of all tables; constraints have predictable names so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class GalleryRow(Base):
    """A gallery: its description and its newest manifest, as the owner wrote them."""

    __tablename__ = "gallery"

    gallery_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(MAX_NAME), unique=True)
    description: Mapped[bytes] = mapped_column(LargeBinary)
    manifest_version: Mapped[int] = mapped_column(BigInteger)
    manifest: Mapped[bytes] = mapped_column(LargeBinary)


class BlockRow(Base):
    """The newest version of a block; residues come last, to read a header without them."""

    __tablename__ = "block"

    gallery_id: Mapped[bytes] = mapped_column(
        LargeBinary(16), ForeignKey(GalleryRow.gallery_id, ondelete="CASCADE"), primary_key=True
    )
    block_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(BigInteger)
    header: Mapped[bytes] = mapped_column(LargeBinary)
    columns: Mapped[bytes] = mapped_column(LargeBinary)


class ReferenceRow(Base):
    """One reference without its template: where it is, and its label, sealed."""

    __tablename__ = "reference"
    __table_args__ = (
        ForeignKeyConstraint(
            ["gallery_id", "block_index"],
            ["block.gallery_id", "block.block_index"],
            ondelete="CASCADE",
        ),
    )

    gallery_id: Mapped[bytes] = mapped_column(LargeBinary(16), primary_key=True)
    block_index: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    reference_id: Mapped[bytes] = mapped_column(LargeBinary(16), unique=True)
    pseudonym: Mapped[bytes] = mapped_column(LargeBinary(16), index=True)
    content_tag: Mapped[bytes] = mapped_column(LargeBinary(16))
    sealed_label: Mapped[bytes] = mapped_column(LargeBinary)
