"""The tables. What they hold is ciphertext, keyed hashes, and public properties."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Dialect,
    ForeignKey,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    String,
    TypeDecorator,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gallery.errors import IntegrityError

SCHEMA_REVISION = "0001"
"""The newest migration; a database at any other is refused."""

MAX_NAME = 200


class _Checked(TypeDecorator[Any]):
    """A column type that refuses values of another type, which SQLite would store and return."""

    cache_ok = True
    wanted: type

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a value that was read, if it is what belongs there (`IntegrityError`)."""
        if type(value) is not self.wanted:
            raise IntegrityError(
                f"the database holds {type(value).__name__} where {self.wanted.__name__} belongs; "
                "restore it from a backup"
            )
        return value


class Octets(_Checked):
    """Bytes."""

    impl = LargeBinary
    wanted = bytes
    cache_ok = True


class Whole(_Checked):
    """An integer of 64 bits."""

    impl = BigInteger
    wanted = int
    cache_ok = True


class Small(_Checked):
    """An integer of 32 bits."""

    impl = Integer
    wanted = int
    cache_ok = True


class Words(_Checked):
    """Text."""

    impl = String
    wanted = str
    cache_ok = True


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

    gallery_id: Mapped[bytes] = mapped_column(Octets(16), primary_key=True)
    name: Mapped[str] = mapped_column(Words(MAX_NAME), unique=True)
    description: Mapped[bytes] = mapped_column(Octets)
    manifest_version: Mapped[int] = mapped_column(Whole)
    manifest: Mapped[bytes] = mapped_column(Octets)


class BlockRow(Base):
    """The newest version of a block; residues come last, to read a header without them."""

    __tablename__ = "block"

    gallery_id: Mapped[bytes] = mapped_column(
        Octets(16), ForeignKey(GalleryRow.gallery_id, ondelete="CASCADE"), primary_key=True
    )
    block_index: Mapped[int] = mapped_column(Small, primary_key=True, autoincrement=False)
    version: Mapped[int] = mapped_column(Whole)
    header: Mapped[bytes] = mapped_column(Octets)
    columns: Mapped[bytes] = mapped_column(Octets)


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

    gallery_id: Mapped[bytes] = mapped_column(Octets(16), primary_key=True)
    block_index: Mapped[int] = mapped_column(Small, primary_key=True, autoincrement=False)
    position: Mapped[int] = mapped_column(Small, primary_key=True, autoincrement=False)
    reference_id: Mapped[bytes] = mapped_column(Octets(16), unique=True)
    pseudonym: Mapped[bytes] = mapped_column(Octets(16), index=True)
    content_tag: Mapped[bytes] = mapped_column(Octets(16))
    sealed_label: Mapped[bytes] = mapped_column(Octets)
