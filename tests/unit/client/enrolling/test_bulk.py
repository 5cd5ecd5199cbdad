"""Files of any size: refused whole, or enrolled block by block and finished by a second run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import EmbeddingSource, GalleryClient, open_embeddings
from gallery.errors import DimensionMismatchError, InvalidEmbeddingError, InvalidLabelError
from tests.support.galleries import client_of_each_scheme, names, random_embeddings

__all__ = ["client_of_each_scheme"]

BLOCK = 4094


@contextmanager
def source(folder: Path, embeddings: Any, labels: Any, **more: Any) -> Iterator[EmbeddingSource]:
    np.savez(folder / "faces.npz", embeddings=embeddings, labels=labels, **more)
    with open_embeddings(folder / "faces.npz", need_labels=True) as opened:
        yield opened


def test_a_file_is_enrolled_as_its_arrays_are(
    client: GalleryClient, tmp_path: Path, service: Any, key: Any
) -> None:
    embeddings = random_embeddings(30, 8)

    with source(tmp_path, embeddings, names(30)) as file:
        done = client.enroll_file(file)

    assert (done.added, done.skipped) == (30, 0)
    assert not client.enroll(embeddings, names(30)).added.any()
    assert client.identify(embeddings, threshold=0.01).labels[:, 0].tolist() == names(30)


def test_blocks_are_filled_and_each_is_written_once(client: GalleryClient, tmp_path: Path) -> None:
    embeddings = random_embeddings(2 * BLOCK + 5, 8)
    client.enroll(random_embeddings(10, 8, seed=1), names(10))
    before, done = client.summary().version, list[int]()

    with source(tmp_path, embeddings, np.arange(len(embeddings))) as file:
        client.enroll_file(file, progress=done.append)

    assert client.summary().references == len(embeddings) + 10
    assert client.summary().blocks == 3
    assert client.summary().version == before + 3
    assert sum(done) == len(embeddings)


def test_an_interrupted_file_is_finished_by_a_second_run(
    client: GalleryClient, tmp_path: Path
) -> None:
    embeddings = random_embeddings(BLOCK + 30, 8)

    def interrupt(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with source(tmp_path, embeddings, names(len(embeddings))) as file:
        with pytest.raises(KeyboardInterrupt):
            client.enroll_file(file, progress=interrupt)
        kept = client.summary()
        done = client.enroll_file(file)

    assert (kept.references, kept.blocks) == (BLOCK, 1)
    assert (done.added, done.skipped) == (30, BLOCK)
    assert client.summary().references == len(embeddings)
    assert "prepare" not in [thread.name for thread in threading.enumerate()]


def test_what_comes_twice_is_enrolled_once_and_counted_as_skipped(
    client: GalleryClient, tmp_path: Path
) -> None:
    embeddings = random_embeddings(4, 8)[[0, 1, 0, 2, 3, 2]]
    client.enroll(embeddings[1:2], ["b"])
    counted: list[int] = []

    with source(tmp_path, embeddings, ["a", "b", "a", "c", "d", "c"]) as file:
        done = client.enroll_file(file, progress=counted.append)

    assert (done.added, done.skipped) == (3, 3)
    assert sum(counted) == 6
    assert client.summary().references == 4


def test_to_replace_erases_what_the_labels_had_before_and_nothing_of_the_file(
    client: GalleryClient, tmp_path: Path
) -> None:
    old, new = random_embeddings(3, 8), random_embeddings(3, 8, seed=1)
    client.enroll(old, ["Ada", "Grace", "Edith"])

    with source(tmp_path, np.vstack([old[:1], new]), ["Ada", "Ada", "Grace", "Grace"]) as file:
        client.enroll_file(file, replace=True)

    assert [item.label for item in client.references()].count("Ada") == 2
    assert [item.label for item in client.references()].count("Grace") == 2
    assert client.identify(old, threshold=0.001).decisions.tolist() == [True, False, True]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [
        (lambda rows, labels: rows.__setitem__((BLOCK + 3, 2), np.nan), InvalidEmbeddingError),
        (lambda rows, labels: rows.__setitem__(BLOCK + 3, 0.0), InvalidEmbeddingError),
        (lambda rows, labels: labels.__setitem__(BLOCK + 3, " "), InvalidLabelError),
        (lambda rows, labels: labels.__setitem__(BLOCK + 3, "\t"), InvalidLabelError),
    ],
)
def test_one_bad_row_is_found_and_named_before_anything_is_enrolled(
    client: GalleryClient,
    tmp_path: Path,
    spoil: Callable[[Any, Any], None],
    error: type[Exception],
) -> None:
    embeddings, labels = random_embeddings(BLOCK + 10, 8), np.array(names(BLOCK + 10))
    spoil(embeddings, labels)

    with source(tmp_path, embeddings, labels) as file:
        with pytest.raises(error, match=f"faces.npz, in the rows from {BLOCK} on: "):
            client.enroll_file(file)

    assert client.summary().references == 0


def test_embeddings_of_another_size_are_refused(client: GalleryClient, tmp_path: Path) -> None:
    with source(tmp_path, random_embeddings(2, 7), names(2)) as file:
        with pytest.raises(DimensionMismatchError, match="7 values"):
            client.enroll_file(file)
