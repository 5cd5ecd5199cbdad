"""Two galleries of the same people share nothing by which the people could be linked.

ISO/IEC 24745 calls it unlinkability. Everything that a database holds is compared, value by value
and window by window: whatever two galleries have in common must be listed here, with the reason why
it may be.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gallery.client import GalleryClient, GalleryKey, renew_gallery
from gallery.messages import BlockHeader, GalleryDescription, Manifest, Preprocessing
from gallery.messages.naming import copy_name
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from gallery.store.tables import METADATA
from tests.support.galleries import random_embeddings

PEOPLE = random_embeddings(7, 2)
LABELS = ["Ada", "Grace", "Ada", "Edith", "Hedy", "Grace", "Ada Lovelace, Countess of " + "x" * 60]
PREPROCESSING = Preprocessing("Facenet of the year 2018", "Haar cascades of OpenCV", True)
GALLERY = "staff of building seven"

WINDOW = 16
WEIGHTS = np.random.default_rng(0).integers(1, 2**64, WINDOW, np.uint64)
SHORTEST = 8
"""Bytes that a common value must have to count: shorter ones agree by chance, or are counts."""

PUBLIC = {
    "gallery.name": "chosen by the owner, and shown",
    "gallery.description.name": "the same",
    "gallery.description.model": "which face model",
    "gallery.description.detector": "which face detector",
    "gallery.description.norm_bound": "a property of the model",
    "gallery.description.threshold": "chosen by the owner, and shown",
    "gallery.description.metric": "which distance",
    "gallery.description.parameters": "which parameters",
    "block.header.parameters": "the same",
    "block.header.occupancy": "how many references a block holds; positions are filled in order",
}
"""Fields that may hold the same in two galleries of different owners."""

SAME_OWNER = {"gallery.description.key_id": "both name the owner's key"}
"""What is allowed besides if both galleries are under one key."""

NUMBERS = {
    "gallery.manifest_version",
    "gallery.description.align",
    "gallery.description.longest_side",
    "gallery.description.dimension",
    "gallery.description.created",
    "gallery.manifest.version",
    "gallery.manifest.index",
    "gallery.manifest.block_version",
    "block.block_index",
    "block.version",
    "block.header.index",
    "block.header.version",
    "block.header.dimension",
    "block.header.columns",
    "reference.block_index",
    "reference.position",
}
"""Integers: counts, versions, sizes, positions, and the time of creation."""

Field = tuple[str, bytes]


def fields_of(rows: dict[str, list[dict[str, Any]]]) -> Iterator[Field]:
    """Yield all that rows hold, taken apart into the fields of the messages in them."""
    for table, found in rows.items():
        for row in found:
            for column, value in row.items():
                yield from parts_of(f"{table}.{column}", value)


def parts_of(name: str, value: Any) -> Iterator[Field]:
    if name == "gallery.description":
        description = GalleryDescription.from_bytes(value)
        assert description.to_bytes() == value
        made_by = vars(description) | vars(description.preprocessing)
        del made_by["preprocessing"]
        for part, content in made_by.items():
            yield from parts_of(f"{name}.{part}", content)
    elif name == "gallery.manifest":
        manifest = Manifest.from_bytes(value)
        assert manifest.to_bytes() == value
        yield from parts_of(f"{name}.version", manifest.version)
        yield from parts_of(f"{name}.gallery_id", manifest.gallery_id)
        yield from parts_of(f"{name}.mac", manifest.mac)
        for entry in manifest.entries:
            yield from parts_of(f"{name}.index", entry.index)
            yield from parts_of(f"{name}.block_version", entry.version)
            yield from parts_of(f"{name}.block_mac", entry.block_mac)
    elif name == "block.header":
        header = BlockHeader.from_bytes(value)
        assert header.to_bytes() == value
        for part, content in vars(header).items():
            yield from parts_of(f"{name}.{part}", content)
    elif isinstance(value, bytes):
        yield name, value
    elif isinstance(value, str):
        yield name, value.encode()
    elif isinstance(value, int):
        assert name in NUMBERS, name
    elif value is not None:
        assert isinstance(value, float), name
        yield name, str(value).encode().ljust(SHORTEST)


def rows_of(database: Path, gallery_id: bytes) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables that belong to a gallery."""
    with closing(sqlite3.connect(database)) as connection:
        connection.row_factory = sqlite3.Row
        tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        assert tables == {*METADATA.tables, "alembic_version"}
        return {
            table: [
                dict(row)
                for row in connection.execute(
                    f"SELECT * FROM {table} WHERE gallery_id = ?", (gallery_id,)
                )
            ]
            for table, definition in METADATA.tables.items()
            if "gallery_id" in definition.columns
        }


def digests_of(value: bytes) -> npt.NDArray[np.uint64]:
    """Return a digest of each window of a value: windows that are equal have equal ones."""
    octets = np.frombuffer(value, np.uint8).astype(np.uint64)
    count = max(0, len(value) - WINDOW + 1)
    return sum((octets[i : i + count] * WEIGHTS[i] for i in range(WINDOW)), np.zeros(count, "u8"))


def pieces_of(fields: list[Field], digests: npt.NDArray[np.uint64]) -> dict[bytes, set[str]]:
    """Return for each whole value, and each window that has one of the digests, its fields."""
    found: dict[bytes, set[str]] = defaultdict(set)
    for name, value in fields:
        if len(value) >= SHORTEST:
            found[value].add(name)
        for start in np.flatnonzero(np.isin(digests_of(value), digests, kind="sort")):
            found[value[start : start + WINDOW]].add(name)
    return found


def in_common(one: list[Field], other: list[Field]) -> set[tuple[str, str]]:
    """Return the pairs of fields that share a value or a window."""
    found, theirs = (
        np.unique(np.concatenate([digests_of(value) for _, value in fields]))
        for fields in (one, other)
    )
    shared = np.intersect1d(found, theirs, assume_unique=True)
    ours, others = pieces_of(one, shared), pieces_of(other, shared)
    return {
        (a, b) for piece in ours.keys() & others.keys() for a in ours[piece] for b in others[piece]
    }


def gallery_of(
    service: EmbeddedService, database: str, key: GalleryKey, name: str, **properties: Any
) -> list[Field]:
    """Enroll the people; return the fields of the gallery."""
    wanted = {"dimension": 2, "preprocessing": PREPROCESSING, "threshold": 0.25, **properties}
    with GalleryClient.create(service, key, name, **wanted) as client:
        client.enroll(PEOPLE, LABELS)
    return stored(service, database, name)


def stored(service: EmbeddedService, database: str, name: str) -> list[Field]:
    path = Path(database.removeprefix("sqlite:///"))
    return list(fields_of(rows_of(path, service.describe(name).gallery_id)))


def allowed(*names: str) -> set[tuple[str, str]]:
    return {(name, name) for name in names} | {
        ("gallery.name", "gallery.description.name"),
        ("gallery.description.name", "gallery.name"),
        ("gallery.description.parameters", "block.header.parameters"),
        ("block.header.parameters", "gallery.description.parameters"),
    }


def check_unlinkable(first: list[Field], second: list[Field], *, same_owner: bool = False) -> None:
    names = {name for name, _ in first}
    assert {"block.columns", "reference.sealed_label", "reference.pseudonym"} <= names
    assert {name for name, _ in second} == names
    assert len(first) > 7 * 5
    permitted = allowed(*PUBLIC, *(SAME_OWNER if same_owner else {}))

    assert in_common(first, second) - permitted == set()


EACH_SCHEME = pytest.mark.parametrize(
    "parameters", [STANDARD, SWIFT], ids=lambda chosen: chosen.name
)


@EACH_SCHEME
def test_galleries_of_the_same_people_under_two_keys_share_nothing(
    service: EmbeddedService,
    database: str,
    key: GalleryKey,
    other_key: GalleryKey,
    parameters: ParameterSet,
) -> None:
    first = gallery_of(service, database, key, GALLERY, parameters=parameters)
    second = gallery_of(service, database, other_key, f"another: {GALLERY}", parameters=parameters)

    check_unlinkable(first, second)


def test_galleries_of_the_same_people_under_one_key_share_nothing_but_the_key(
    service: EmbeddedService, database: str, key: GalleryKey
) -> None:
    first = gallery_of(service, database, key, GALLERY, parameters=SWIFT)
    second = gallery_of(service, database, key, f"another: {GALLERY}", parameters=SWIFT)

    check_unlinkable(first, second, same_owner=True)


@pytest.mark.parametrize(
    ("change", "old", "new"),
    [
        ("key", STANDARD, None),
        ("parameter set", STANDARD, COMPACT),
        ("both", STANDARD, COMPACT),
        ("parameter set", SWIFT, LIGHT),
    ],
    ids=["key", "parameter set", "both", "parameter set, swift to light"],
)
def test_a_gallery_and_the_one_it_becomes_share_nothing(
    service: EmbeddedService,
    database: str,
    key: GalleryKey,
    other_key: GalleryKey,
    change: str,
    old: ParameterSet,
    new: ParameterSet | None,
) -> None:
    first = gallery_of(service, database, key, GALLERY, parameters=old)
    same_owner = change == "parameter set"

    renew_gallery(service, key, key if same_owner else other_key, GALLERY, parameters=new)

    check_unlinkable(first, stored(service, database, GALLERY), same_owner=same_owner)


def test_a_gallery_and_its_copy_share_nothing_while_both_are_there(
    service: EmbeddedService, database: str, key: GalleryKey, other_key: GalleryKey
) -> None:
    first = gallery_of(service, database, key, GALLERY)

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        renew_gallery(service, key, other_key, GALLERY, progress=stop)

    check_unlinkable(first, stored(service, database, copy_name(GALLERY, other_key.key_id)))


@EACH_SCHEME
def test_two_versions_of_a_block_share_nothing_but_what_its_owner_kept(
    service: EmbeddedService, database: str, key: GalleryKey, parameters: ParameterSet
) -> None:
    first = gallery_of(service, database, key, GALLERY, parameters=parameters)
    with GalleryClient(service, key, GALLERY) as client:
        client.enroll(random_embeddings(1, 2, seed=9), ["Mary"])
    second = stored(service, database, GALLERY)

    found = in_common(first, second)

    # Columns and everything that is signed are new; rows of references that stay are not touched.
    assert not {a for a, _ in found} & {
        "block.columns",
        "block.hint",
        "block.header.nonce",
        "block.header.mac",
        "gallery.check_sums",
        "gallery.manifest.mac",
    }
    assert ("reference.sealed_label", "reference.sealed_label") in found


def test_the_comparison_would_notice_what_is_kept(
    service: EmbeddedService, database: str, key: GalleryKey
) -> None:
    fields = gallery_of(service, database, key, GALLERY)

    for kept, found_in in [
        ("reference.pseudonym", "reference.pseudonym"),
        ("reference.content_tag", "reference.reference_id"),
        ("reference.sealed_label", "reference.sealed_label"),
        ("block.columns", "block.columns"),
        ("block.header.mac", "gallery.manifest.block_mac"),
        ("gallery.gallery_id", "gallery.description.gallery_id"),
    ]:
        piece = next(value for name, value in fields if name == kept)[:40]
        shifted = b"\1" + piece if len(piece) > WINDOW else piece
        noticed = in_common(fields, [(found_in, shifted)]) - allowed(*PUBLIC)
        assert (kept, found_in) in noticed
