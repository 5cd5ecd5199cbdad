"""The tables: ciphertexts, keyed hashes, public properties, tokens and the audit log."""

from __future__ import annotations

from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, MetaData, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from gallery.messages.description import MAX_DESCRIPTION
from gallery.messages.manifest import MAX_MANIFEST
from gallery.messages.naming import MAX_NAME
from gallery.messages.references import MAX_SEALED_LABEL
from gallery.store.checked_types import (
    CheckedBytes,
    CheckedInteger,
    CheckedSmallInteger,
    CheckedText,
)

SCHEMA_REVISION = "0004"
"""The newest migration; a database at any other is refused."""

TOKEN_ID_SIZE = 16
"""Hexadecimal digits of a token's identifier."""

MAX_TOKEN_NAME = 100
MAX_WORD = 64
"""Characters of a word that is chosen from a list, and of a request's identifier."""


MAX_HEADER = 4096
"""More than a header of a block has: its occupancy has 512 bytes, and the rest about 200."""


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

    gallery_id: Mapped[bytes] = mapped_column(CheckedBytes(16), primary_key=True)
    name: Mapped[str] = mapped_column(CheckedText(MAX_NAME), unique=True)
    description: Mapped[bytes] = mapped_column(CheckedBytes(most=MAX_DESCRIPTION))
    manifest_version: Mapped[int] = mapped_column(CheckedInteger)
    manifest: Mapped[bytes] = mapped_column(CheckedBytes(most=MAX_MANIFEST))
    check_sums: Mapped[bytes | None] = mapped_column(CheckedBytes(optional=True))


class BlockRow(Base):
    """The newest version of a block; residues come last, to read a header without them."""

    __tablename__ = "block"

    gallery_id: Mapped[bytes] = mapped_column(
        CheckedBytes(16), ForeignKey(GalleryRow.gallery_id, ondelete="CASCADE"), primary_key=True
    )
    block_index: Mapped[int] = mapped_column(
        CheckedSmallInteger, primary_key=True, autoincrement=False
    )
    version: Mapped[int] = mapped_column(CheckedInteger)
    header: Mapped[bytes] = mapped_column(CheckedBytes(most=MAX_HEADER))
    hint: Mapped[bytes | None] = mapped_column(CheckedBytes(optional=True))
    columns: Mapped[bytes] = mapped_column(CheckedBytes)


class ReferenceRow(Base):
    """One reference without its template: its position, and its label, sealed."""

    __tablename__ = "reference"
    __table_args__ = (
        ForeignKeyConstraint(
            ["gallery_id", "block_index"],
            ["block.gallery_id", "block.block_index"],
            ondelete="CASCADE",
        ),
    )

    gallery_id: Mapped[bytes] = mapped_column(CheckedBytes(16), primary_key=True)
    block_index: Mapped[int] = mapped_column(
        CheckedSmallInteger, primary_key=True, autoincrement=False
    )
    position: Mapped[int] = mapped_column(
        CheckedSmallInteger, primary_key=True, autoincrement=False
    )
    reference_id: Mapped[bytes] = mapped_column(CheckedBytes(16), unique=True)
    pseudonym: Mapped[bytes] = mapped_column(CheckedBytes(16), index=True)
    content_tag: Mapped[bytes] = mapped_column(CheckedBytes(16))
    sealed_label: Mapped[bytes] = mapped_column(CheckedBytes(most=MAX_SEALED_LABEL))


class TokenRow(Base):
    """A token of the server without its secret: whose it is, what it allows, and until when."""

    __tablename__ = "token"

    token_id: Mapped[str] = mapped_column(CheckedText(TOKEN_ID_SIZE), primary_key=True)
    name: Mapped[str] = mapped_column(CheckedText(MAX_TOKEN_NAME), unique=True)
    scope: Mapped[str] = mapped_column(CheckedText(MAX_WORD))
    every_gallery: Mapped[int] = mapped_column(CheckedSmallInteger)
    created: Mapped[int] = mapped_column(CheckedInteger)
    expires: Mapped[int | None] = mapped_column(CheckedInteger(optional=True))
    revoked: Mapped[int | None] = mapped_column(CheckedInteger(optional=True))
    salt: Mapped[bytes] = mapped_column(CheckedBytes(32))
    digest: Mapped[bytes] = mapped_column(CheckedBytes(32))


class TokenGalleryRow(Base):
    """A gallery that a token is limited to, by name; it need not be there yet."""

    __tablename__ = "token_gallery"

    token_id: Mapped[str] = mapped_column(
        CheckedText(TOKEN_ID_SIZE),
        ForeignKey(TokenRow.token_id, ondelete="CASCADE"),
        primary_key=True,
    )
    name: Mapped[str] = mapped_column(CheckedText(MAX_NAME), primary_key=True)


class AuditRow(Base):
    """An event of the audit log, chained to the one before; triggers refuse to change or delete it.

    It repeats names and has no foreign keys, so that it outlives the gallery and the token.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("ix_audit_time", "time", "event_id"),)

    # Only a column of the type INTEGER counts up by itself on SQLite; its integers have 64 bits.
    event_id: Mapped[int] = mapped_column(
        CheckedInteger().with_variant(CheckedSmallInteger(), "sqlite"), primary_key=True
    )
    time: Mapped[int] = mapped_column(CheckedInteger)
    token_id: Mapped[str | None] = mapped_column(CheckedText(TOKEN_ID_SIZE, optional=True))
    token_name: Mapped[str | None] = mapped_column(CheckedText(MAX_TOKEN_NAME, optional=True))
    action: Mapped[str] = mapped_column(CheckedText(MAX_WORD))
    gallery_id: Mapped[bytes | None] = mapped_column(CheckedBytes(16, optional=True))
    gallery: Mapped[str | None] = mapped_column(CheckedText(MAX_NAME, optional=True))
    probes: Mapped[int] = mapped_column(CheckedSmallInteger)
    blocks: Mapped[int] = mapped_column(CheckedSmallInteger)
    result: Mapped[str] = mapped_column(CheckedText(MAX_WORD))
    request_id: Mapped[str] = mapped_column(CheckedText(MAX_WORD))
    count: Mapped[int] = mapped_column(CheckedSmallInteger, server_default=text("1"))
    boundary: Mapped[bytes | None] = mapped_column(CheckedBytes(32, optional=True))
    digest: Mapped[bytes | None] = mapped_column(CheckedBytes(32, optional=True))


class ErasureRow(Base):
    """The one row that counts writes that replaced or erased something, and how many are purged.

    Without it there may be something to purge, once.
    """

    __tablename__ = "erasure"

    erasure_id: Mapped[int] = mapped_column(
        CheckedSmallInteger, primary_key=True, autoincrement=False
    )
    erased: Mapped[int] = mapped_column(CheckedInteger)
    purged: Mapped[int] = mapped_column(CheckedInteger)
