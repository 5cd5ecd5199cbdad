"""Mutations of a database: its owner notices every one, and no search gives a wrong identity.

The database holds two galleries of one owner; the first has two blocks, and was changed since an
older state whose rows are at hand too. A change is noticed if a search or `verify` raises an error
or reports a finding. (The whole database put back to an older state is another matter: it is
consistent in itself, and only a newer state that the owner has seen tells; see
`client/integrity/rollback.py`.)
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Set
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.errors import GalleryError
from gallery.parameters import COMPACT, SWIFT
from gallery.server import EmbeddedService, open_service
from tests.mutations.changes import Change, Source, random_change
from tests.mutations.rows import Tables, connect, copied, put, take, touched

SEED = 20_250_101
FULL_BLOCK = 4094
GALLERIES = ("staff", "visitors")


@dataclass
class Galleries:
    """An opened database with two galleries, whose rows can be changed behind its back."""

    service: EmbeddedService
    key: GalleryKey
    connection: sqlite3.Connection
    source: Source
    people: dict[str, dict[str, np.ndarray]]

    def names(self, identifiers: Set[object]) -> list[str]:
        """Return the galleries with these identifiers."""
        return [
            str(row["name"])
            for row in self.source.now["gallery"]
            if row["gallery_id"] in identifiers
        ]


@pytest.fixture(scope="module", params=[COMPACT, SWIFT], ids=lambda chosen: chosen.name)
def galleries(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, key: GalleryKey
) -> Iterator[Galleries]:
    chosen = request.param
    path = tmp_path_factory.mktemp("mutations") / "gallery.db"
    angles = np.linspace(0.0, 2.0, FULL_BLOCK + 2)
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    labels = [f"person {number}" for number in range(len(rows))]
    kept = [0, 1200, 2400, FULL_BLOCK, FULL_BLOCK + 1]
    with open_service(f"sqlite:///{path}", create=True) as service:
        with GalleryClient.create(service, key, "staff", dimension=2, parameters=chosen) as client:
            client.enroll(rows, labels)
            client.remove([label for at, label in enumerate(labels) if at not in kept])
        with GalleryClient.create(
            service, key, "visitors", dimension=2, parameters=chosen
        ) as client:
            client.enroll(-rows[:800:400], ["guest 0", "guest 1"])
        old = take(path)
        with GalleryClient(service, key, "staff") as client:
            client.enroll(-rows[2000:2001], ["newest"])
            client.remove([labels[1200], labels[FULL_BLOCK + 1]])
        staff = {labels[at]: rows[at] for at in (0, 2400, FULL_BLOCK)}
        people = {
            "staff": {**staff, "newest": -rows[2000]},
            "visitors": {"guest 0": -rows[0], "guest 1": -rows[400]},
        }
        with closing(connect(path)) as connection:
            yield Galleries(service, key, connection, Source(take(path), old), people)


def test_the_unchanged_galleries_are_sound_and_know_everybody(galleries: Galleries) -> None:
    put(galleries.connection, galleries.source.now)

    for gallery in GALLERIES:
        for person in galleries.people[gallery]:
            assert complaints(galleries, gallery, person) == []


def test_every_change_is_noticed_and_none_gives_a_wrong_identity(
    galleries: Galleries, changes_to_make: int
) -> None:
    unnoticed = []
    for number, change in enumerate(real_changes(galleries, changes_to_make)):
        names = galleries.names(touched(galleries.source.now, change.tables))
        said = []
        for gallery in names:
            people = galleries.people[gallery]
            person = [*people][number % len(people)]
            said += complaints(galleries, gallery, person)
        if not said:
            unnoticed.append(change.what)

    assert not unnoticed, "\n".join(unnoticed)


def real_changes(galleries: Galleries, count: int) -> Iterator[Change]:
    """Put changed rows into the database, one change after the other."""
    generator, made = np.random.default_rng(SEED), 0
    while made < count:
        change = random_change(galleries.source, generator)
        if same(change.tables, galleries.source.now) or same(change.tables, galleries.source.old):
            continue
        try:
            put(galleries.connection, change.tables)
        except sqlite3.IntegrityError:
            continue  # two rows with one key: not even the database takes it
        made += 1
        yield change


def same(one: Tables, other: Tables) -> bool:
    return not touched(one, other)


def complaints(galleries: Galleries, gallery: str, person: str) -> list[str]:
    """Search for a person, then verify; return what is said. No search may name anybody else."""
    said = []
    vector = galleries.people[gallery][person]
    try:
        with GalleryClient(galleries.service, galleries.key, gallery) as client:
            try:
                found = client.identify(vector, threshold=0.001)
                assert found.decisions[0]
                assert found.labels[0, 0] == person
            except GalleryError as error:
                said.append(str(error))
            said += [finding.problem for finding in client.verify().findings]
    except GalleryError as error:
        said.append(str(error))
    return said


def test_a_value_of_another_type_is_noticed(galleries: Galleries) -> None:
    """SQLite stores whatever it is given: a number where bytes belong, text where a number does."""
    wrong: dict[type, tuple[Any, ...]] = {
        bytes: (7, "text"),
        str: (b"\xff", 7),
        int: ("text", b"\xff", 2.5),
    }
    # What a CKKS gallery has none of: hints and check sums.
    wrong[type(None)] = wrong[bytes]
    unnoticed, crashes = [], []
    for table, rows in galleries.source.now.items():
        for column, value in rows[0].items():
            for strange in wrong[type(value)]:
                changed = copied(galleries.source.now)
                changed[table][0][column] = strange
                put(galleries.connection, changed)
                what = f"{table} {column}: {strange!r}"
                try:
                    if not complaints(galleries, "staff", "newest"):
                        unnoticed.append(what)
                except Exception as error:
                    crashes.append(f"{what}: {error!r}")

    assert not (unnoticed or crashes), "\n".join(unnoticed + crashes)


def test_a_block_that_no_manifest_names_is_noticed(galleries: Galleries) -> None:
    """A former version of a block, kept under another number, is what erasure has to prevent."""
    changed = copied(galleries.source.now)
    (staff,) = (row["gallery_id"] for row in changed["gallery"] if row["name"] == "staff")
    former = next(row for row in galleries.source.old["block"] if row["gallery_id"] == staff)
    stray = dict(former, block_index=7)
    changed["block"].append(stray)
    put(galleries.connection, changed)

    assert complaints(galleries, "staff", "newest")
