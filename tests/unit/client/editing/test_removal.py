"""Erasing references, and closing the holes that they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import (
    CacheFolder,
    EmbeddedFace,
    EmbeddingCache,
    FaceQuality,
    GalleryClient,
    GalleryKey,
    ModelOrigin,
    Preprocessing,
)
from gallery.client.photos.model_table import find_model
from gallery.client.session import GallerySession
from gallery.errors import ErasurePendingError, ReferenceNotFoundError
from gallery.parameters import STANDARD
from gallery.server import EmbeddedService, open_service
from gallery.store import Database
from tests.support.galleries import client_of_each_scheme, names, random_embeddings

__all__ = ["client_of_each_scheme"]

WINDOW = 64


@pytest.fixture
def people(client: GalleryClient) -> np.ndarray:
    """Enroll Ada twice, Grace once and Edith once; return their embeddings."""
    embeddings = random_embeddings(4, 8)
    client.enroll(embeddings, ["Ada", "Ada", "Grace", "Edith"])
    return embeddings


def files_of(database: str) -> bytes:
    """Return the bytes of all files of a SQLite database."""
    path = Path(database.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


def windows(data: bytes) -> Iterator[bytes]:
    """Yield pieces of ciphertext, one out of each page, that chance does not make again."""
    return (data[start : start + WINDOW] for start in range(512, len(data) - WINDOW, 1021))


def test_a_label_removes_all_references_of_its_subject(
    client: GalleryClient, people: np.ndarray
) -> None:
    removed = client.remove(["Ada"])

    assert [item.label for item in removed] == ["Ada", "Ada"]
    assert [item.label for item in client.references()] == ["Grace", "Edith"]
    found = client.identify(people, k=4, threshold=0.01)
    assert [*found.decisions] == [False, False, True, True]
    assert "Ada" not in found.labels
    assert client.verify(deep=True).findings == ()


def test_an_identifier_removes_one_reference(client: GalleryClient, people: np.ndarray) -> None:
    first, second, *_ = client.references()

    client.remove([first.reference_id])

    assert next(client.references()).reference_id == second.reference_id
    assert client.identify(people[1], threshold=0.01).labels[0, 0] == "Ada"


def test_an_unknown_name_removes_nothing(client: GalleryClient, people: np.ndarray) -> None:
    with pytest.raises(ReferenceNotFoundError, match="'Nobody'"):
        client.remove(["Ada", "Nobody"])

    assert client.summary().references == 4


def test_holes_are_filled_by_the_next_enrollment(client: GalleryClient, people: np.ndarray) -> None:
    before = {item.position for item in client.references()}
    client.remove(["Grace"])

    client.enroll(random_embeddings(1, 8, seed=5), ["Hedy"])

    assert {item.position for item in client.references()} == before


def test_what_was_removed_can_be_enrolled_again(client: GalleryClient, people: np.ndarray) -> None:
    client.remove(["Ada"])

    again = client.enroll(people[:1], ["Ada"])

    assert again.added.all()
    assert client.identify(people[0], threshold=0.01).labels[0, 0] == "Ada"


def test_the_last_removal_leaves_an_empty_gallery(
    client: GalleryClient, people: np.ndarray
) -> None:
    client.remove(["Ada", "Grace", "Edith"])

    assert (client.summary().references, client.summary().blocks) == (0, 0)
    assert not client.identify(people, threshold=0.5).decisions.any()


def test_nothing_of_a_removed_reference_is_left_in_any_file(database: str, key: GalleryKey) -> None:
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=8, parameters=STANDARD) as client:
            client.enroll(random_embeddings(3, 8), ["Ada", "Grace", "Edith"])
            gallery_id = client.description.gallery_id
            block = service.block(gallery_id, 0)
            (ada, *_) = service.references(gallery_id, 0).table
            traces = [*windows(block.columns.tobytes())]
            rows = [ada.reference_id, ada.pseudonym, ada.content_tag, ada.sealed_label]
            traces += [*rows, block.header.mac, block.header.columns_digest]
            before = files_of(database)
            client.remove(["Ada"])
            after = files_of(database)

    assert all(trace in before for trace in rows)
    assert sum(trace in before for trace in traces) > 900
    assert [trace for trace in traces if trace in after] == []


def test_no_page_of_the_database_decrypts_to_a_removed_template(
    database: str, key: GalleryKey
) -> None:
    embeddings = random_embeddings(3, 8)
    with open_service(database, create=True) as service:
        with GalleryClient.create(service, key, dimension=8) as client:
            client.enroll(embeddings, ["Ada", "Grace", "Edith"])
            block = service.block(client.description.gallery_id, 0)
            client.remove(["Ada"])
            stored = files_of(database)
            # With the key, every residue that the files still hold opens to the two that stay.
            left = service.block(client.description.gallery_id, 0)
        with GallerySession(service, key, "default") as session:
            templates = session.scheme.open_block(left)

    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    distances = np.linalg.norm(templates[:, None] - unit, axis=2).min(axis=0)
    assert distances[0] > 0.1
    assert distances[1:].max() < 1e-6
    # The former ciphertexts are the only others that there ever were, and no piece of one is left.
    size = 4 * 16
    former = block.columns.tobytes()
    assert not any(former[at : at + size] in stored for at in range(0, len(former), 16 * size))


def test_a_reader_that_keeps_the_log_makes_the_erasure_pending(
    database: str, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.store.database._BUSY_TIMEOUT_MS", 200)
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(service, key, dimension=8) as client,
    ):
        client.enroll(random_embeddings(2, 8), names(2))
        reader = Database(database)
        with reader.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM block").scalar()
            with pytest.raises(ErasurePendingError, match="call the service's purge"):
                client.remove(["person 0"])
        reader.close()

        client.compact()

        assert [item.label for item in client.references()] == ["person 1"]
        assert Path(f"{database.removeprefix('sqlite:///')}-wal").stat().st_size == 0


def test_compacting_moves_references_into_holes_and_drops_blocks(
    service: object, key: GalleryKey
) -> None:
    embeddings = random_embeddings(2 * 4094 + 20, 8)
    labels = names(len(embeddings))
    with GalleryClient.create(service, key, dimension=8, metric="euclidean") as client:  # type: ignore[arg-type]
        client.enroll(embeddings, labels)
        client.remove([*labels[100:4000], *labels[5000:8000]])
        left = [*range(100), *range(4000, 5000), *range(8000, len(embeddings))]
        dropped: list[int] = []

        count = client.compact(progress=dropped.append)

        assert (count, sum(dropped)) == (2, 2)
        assert (client.summary().references, client.summary().blocks) == (len(left), 1)
        probes = embeddings[left[::100]]
        found = client.identify(probes, threshold=0.01)
        assert [*found.labels[:, 0]] == [labels[index] for index in left[::100]]
        assert client.verify(deep=True).findings == ()
        assert client.compact() == 0


def test_replacing_erases_what_a_subject_had_before(
    client: GalleryClient, people: np.ndarray
) -> None:
    newer = random_embeddings(1, 8, seed=7)

    done = client.enroll(newer, ["Ada"], replace=True)

    assert done.added.all()
    assert sorted(item.label for item in client.references()) == ["Ada", "Edith", "Grace"]
    assert not client.identify(people[:2], threshold=0.01).decisions.any()
    assert client.identify(newer, threshold=0.01).labels[0, 0] == "Ada"


def test_replacing_with_the_same_embedding_keeps_it(
    client: GalleryClient, people: np.ndarray
) -> None:
    done = client.enroll(people[:1], ["Ada"], replace=True)

    assert not done.added.any()
    assert [item.reference_id for item in client.references() if item.label == "Ada"] == [
        *done.reference_ids
    ]


def test_a_removal_takes_the_photo_out_of_the_cache_of_embeddings(tmp_path: Path) -> None:
    key, folder = GalleryKey.generate(), CacheFolder(tmp_path / "cache")
    made_by = Preprocessing("Dlib", "dlib", True, "base", 1024)
    origin = ModelOrigin("onnx", "0.0.103", b"m" * 32, b"d" * 32)
    quality = FaceQuality(100, 100, 1.0, 0.1, 200, None, None)
    digests, embeddings = [b"a" * 32, b"g" * 32], random_embeddings(2, 128)
    cache = EmbeddingCache(folder, key)
    for digest, embedding in zip(digests, embeddings, strict=True):
        cache.keep(digest, made_by, origin, EmbeddedFace(embedding, quality, None))

    with open_service(f"sqlite:///{tmp_path / 'gallery.db'}", create=True) as service:
        GalleryClient.create(service, key, dimension=128).close()
        with GalleryClient(service, key, cache=folder) as client:
            client.enroll(embeddings, ["Ada", "Grace"], digests=digests)
            client.remove(["Ada"])

    found = [cache.find(digest, find_model("Dlib"), made_by, origin) for digest in digests]
    assert [face is not None for face in found] == [False, True]


def test_a_removal_says_what_it_could_not_take_out_of_the_cache(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    client.enroll(random_embeddings(1, client.description.dimension), ["Ada"])
    monkeypatch.setattr(EmbeddingCache, "forget", lambda *_: 1)

    with GalleryClient(service, key, cache=CacheFolder(tmp_path / "cache")) as caching:
        with pytest.raises(ErasurePendingError, match="erased from the gallery, but 1 sealed"):
            caching.remove(["Ada"])

    assert client.summary().references == 0
