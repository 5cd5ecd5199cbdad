"""The tables: ciphertexts, keyed hashes, public properties, tokens and the audit log."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, ForeignKeyConstraint, Index, MetaData, Table, text

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


METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables; constraints have predictable names so that migrations can name them."""

gallery_table = Table(
    "gallery",
    METADATA,
    Column("gallery_id", CheckedBytes(16), primary_key=True),
    Column("name", CheckedText(MAX_NAME), unique=True, nullable=False),
    Column("description", CheckedBytes(most=MAX_DESCRIPTION), nullable=False),
    Column("manifest_version", CheckedInteger, nullable=False),
    Column("manifest", CheckedBytes(most=MAX_MANIFEST), nullable=False),
    Column("check_sums", CheckedBytes(optional=True)),
)
"""A gallery: its description and its newest manifest, as the owner wrote them."""

block_table = Table(
    "block",
    METADATA,
    Column(
        "gallery_id",
        CheckedBytes(16),
        ForeignKey(gallery_table.c.gallery_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("block_index", CheckedSmallInteger, primary_key=True, autoincrement=False),
    Column("version", CheckedInteger, nullable=False),
    Column("header", CheckedBytes(most=MAX_HEADER), nullable=False),
    Column("hint", CheckedBytes(optional=True)),
    Column("columns", CheckedBytes, nullable=False),
)
"""The newest version of a block; residues come last, to read a header without them."""

reference_table = Table(
    "reference",
    METADATA,
    Column("gallery_id", CheckedBytes(16), primary_key=True),
    Column("block_index", CheckedSmallInteger, primary_key=True, autoincrement=False),
    Column("position", CheckedSmallInteger, primary_key=True, autoincrement=False),
    Column("reference_id", CheckedBytes(16), unique=True, nullable=False),
    Column("pseudonym", CheckedBytes(16), index=True, nullable=False),
    Column("content_tag", CheckedBytes(16), nullable=False),
    Column("sealed_label", CheckedBytes(most=MAX_SEALED_LABEL), nullable=False),
    ForeignKeyConstraint(
        ["gallery_id", "block_index"],
        ["block.gallery_id", "block.block_index"],
        ondelete="CASCADE",
    ),
)
"""One reference without its template: its position, and its label, sealed."""

token_table = Table(
    "token",
    METADATA,
    Column("token_id", CheckedText(TOKEN_ID_SIZE), primary_key=True),
    Column("name", CheckedText(MAX_TOKEN_NAME), unique=True, nullable=False),
    Column("scope", CheckedText(MAX_WORD), nullable=False),
    Column("every_gallery", CheckedSmallInteger, nullable=False),
    Column("created", CheckedInteger, nullable=False),
    Column("expires", CheckedInteger(optional=True)),
    Column("revoked", CheckedInteger(optional=True)),
    Column("salt", CheckedBytes(32), nullable=False),
    Column("digest", CheckedBytes(32), nullable=False),
)
"""A token of the server without its secret: whose it is, what it allows, and until when."""

token_gallery_table = Table(
    "token_gallery",
    METADATA,
    Column(
        "token_id",
        CheckedText(TOKEN_ID_SIZE),
        ForeignKey(token_table.c.token_id, ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("name", CheckedText(MAX_NAME), primary_key=True),
)
"""A gallery that a token is limited to, by name; it need not be there yet."""

audit_table = Table(
    "audit",
    METADATA,
    # Only a column of the type INTEGER counts up by itself on SQLite; its integers have 64 bits.
    Column(
        "event_id",
        CheckedInteger().with_variant(CheckedSmallInteger(), "sqlite"),
        primary_key=True,
    ),
    Column("time", CheckedInteger, nullable=False),
    Column("token_id", CheckedText(TOKEN_ID_SIZE, optional=True)),
    Column("token_name", CheckedText(MAX_TOKEN_NAME, optional=True)),
    Column("action", CheckedText(MAX_WORD), nullable=False),
    Column("gallery_id", CheckedBytes(16, optional=True)),
    Column("gallery", CheckedText(MAX_NAME, optional=True)),
    Column("probes", CheckedSmallInteger, nullable=False),
    Column("blocks", CheckedSmallInteger, nullable=False),
    Column("result", CheckedText(MAX_WORD), nullable=False),
    Column("request_id", CheckedText(MAX_WORD), nullable=False),
    Column("count", CheckedSmallInteger, server_default=text("1"), nullable=False),
    Column("boundary", CheckedBytes(32, optional=True)),
    Column("digest", CheckedBytes(32, optional=True)),
    Index("ix_audit_time", "time", "event_id"),
)
"""An event of the audit log, chained to the one before; triggers refuse to change or delete it.

It repeats names and has no foreign keys, so that it outlives the gallery and the token.
"""

erasure_table = Table(
    "erasure",
    METADATA,
    Column("erasure_id", CheckedSmallInteger, primary_key=True, autoincrement=False),
    Column("erased", CheckedInteger, nullable=False),
    Column("purged", CheckedInteger, nullable=False),
)
"""The one row that counts writes that replaced or erased something, and how many are purged.

Without it there may be something to purge, once.
"""
