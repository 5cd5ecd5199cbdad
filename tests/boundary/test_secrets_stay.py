"""Nothing secret is stored, sent, or left in a temporary file, in any encoding in use."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.backends import Backend
from gallery.client import GalleryClient, GalleryKey, PersonDetails
from gallery.parameters import LIGHT, PARAMETER_SETS, STANDARD, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import random_embeddings
from tests.support.recording import RecordingService

LABELS = ["Ada Lovelace", "Grace Hopper", "Edith Clarke"]
ATTRIBUTES = ["badge number 4711", "shoe locker"]
WINDOW = 24


def encodings_of(numbers: np.ndarray) -> Iterator[bytes]:
    """Yield the bytes of every number in the encodings that a mistake could leave behind."""
    for value in np.ravel(numbers):
        if value:
            yield np.float64(value).tobytes()
    for row in np.atleast_2d(numbers):
        # Single floats and small integers are too short to be told from chance; neighbours are not.
        for start in range(0, len(row) - 1, 2):
            pair = row[start : start + 2]
            yield pair.astype(np.float32).tobytes()
            for grid in (parameters.template_grid for parameters in PARAMETER_SETS.values()):
                yield np.rint(pair / grid).astype(np.int64).tobytes()


def key_material(key: GalleryKey) -> Iterator[bytes]:
    """Yield pieces of the master secret and of the secret contexts that chance does not make."""
    master, contexts = key.reveal()
    yield master
    for context in contexts.values():
        # The compressed secret key fills the second half of a serialised context.
        for start in range(len(context) // 2, len(context) - WINDOW, 997):
            yield context[start : start + WINDOW]


CHOICES = [
    *((backend, STANDARD) for backend in Backend),
    (Backend.NATIVE, SWIFT),
    (Backend.NATIVE, LIGHT),
]


@pytest.fixture(params=CHOICES, ids=lambda choice: f"{choice[0]}, {choice[1].name}")
def choice(request: pytest.FixtureRequest) -> tuple[str, ParameterSet]:
    """Return each backend with the parameter sets that it has."""
    found: tuple[str, ParameterSet] = request.param
    return found


@pytest.fixture
def conversation(
    service: EmbeddedService, key: GalleryKey, choice: tuple[str, ParameterSet]
) -> tuple[RecordingService, np.ndarray, np.ndarray]:
    """Enroll, search, list and verify; return what was said, the embeddings, and the distances."""
    recorded = RecordingService(service)
    embeddings = random_embeddings(3, 8)
    backend, parameters = choice
    with GalleryClient.create(
        recorded, key, dimension=8, metric="euclidean", backend=backend, parameters=parameters
    ) as client:
        client.enroll(embeddings, LABELS, details=PersonDetails({"badge": ATTRIBUTES[0]}))
        client.annotate(LABELS[:1], PersonDetails({ATTRIBUTES[1]: "12"}, 4_102_358_761))
        found = client.identify(embeddings + 0.01, k=3, threshold=1.0)
        assert found.decisions.all()
        assert found.details[0, 0].attributes[ATTRIBUTES[1]] == "12"
        assert [item.label for item in client.references()] == LABELS
        assert client.verify(deep=True).findings == ()
    return recorded, embeddings, found.distances


def secrets_of(key: GalleryKey, embeddings: np.ndarray, distances: np.ndarray) -> list[bytes]:
    vectors = embeddings / 16.0
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    numbers = [embeddings, vectors, unit, -2.0 * vectors, distances, distances**2]
    return [
        *(text.encode() for text in (*LABELS, *ATTRIBUTES, "4102358761")),
        *(text.encode("utf-16-le") for text in (*LABELS, *ATTRIBUTES)),
        *key_material(key),
        *(encoded for array in numbers for encoded in encodings_of(array)),
    ]


def test_no_message_holds_a_secret(
    conversation: tuple[RecordingService, np.ndarray, np.ndarray], key: GalleryKey
) -> None:
    recorded, embeddings, distances = conversation
    said = b"".join([data for _, data in recorded.sent] + recorded.received)

    leaked = [secret for secret in secrets_of(key, embeddings, distances) if secret in said]

    assert len(said) > 600_000  # blocks, probes and results are all in it
    assert leaked == []


def test_no_file_of_the_database_holds_a_secret(
    conversation: tuple[RecordingService, np.ndarray, np.ndarray], key: GalleryKey, tmp_path: Path
) -> None:
    _, embeddings, distances = conversation
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    stored = b"".join(files.values())

    leaked = [secret for secret in secrets_of(key, embeddings, distances) if secret in stored]

    assert "gallery.db" in files
    assert len(stored) > 390_000  # the block is in it
    assert leaked == []


def test_the_search_for_secrets_would_find_one(key: GalleryKey) -> None:
    embeddings = random_embeddings(3, 8)
    _, contexts = key.reveal()
    secrets = secrets_of(key, embeddings, embeddings)

    for sample in (contexts["standard"], embeddings.tobytes(), embeddings.astype("f4").tobytes()):
        assert any(secret in sample for secret in secrets)


def test_a_server_cannot_tell_a_match_from_a_non_match(
    service: EmbeddedService, key: GalleryKey, choice: tuple[str, ParameterSet]
) -> None:
    embeddings = random_embeddings(3, 8)
    backend, parameters = choice
    with GalleryClient.create(service, key, dimension=8, parameters=parameters) as client:
        client.enroll(embeddings, LABELS)
    said = []
    for probe, expected in ((embeddings[0], True), (-embeddings.sum(axis=0), False)):
        recorded = RecordingService(service)
        with GalleryClient(recorded, key, backend=backend) as client:
            found = client.identify(probe, k=2, threshold=0.1)
        assert found.decisions[0] == expected
        said.append([(call, len(data)) for call, data in recorded.sent])

    assert said[0] == said[1]


def test_temporary_files_of_seal_hold_ciphertexts_alone_and_go_when_the_client_closes(
    service: EmbeddedService, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    class Watched(tempfile.TemporaryDirectory[str]):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            made.append(Path(self.name))

    monkeypatch.setattr(tempfile, "TemporaryDirectory", Watched)
    embeddings = random_embeddings(3, 8)
    client = GalleryClient.create(service, key, dimension=8, backend="seal", parameters=STANDARD)
    client.enroll(embeddings, LABELS)
    found = client.identify(embeddings, k=3, threshold=0.1)
    (folder,) = made
    left = b"".join(path.read_bytes() for path in folder.iterdir())

    assert not any(s in left for s in secrets_of(key, embeddings, found.distances))
    assert os.stat(folder).st_mode & 0o077 == 0
    client.close()
    assert not folder.exists()


def test_the_native_engine_makes_no_temporary_file(
    client: GalleryClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file")

    for name in ("TemporaryDirectory", "NamedTemporaryFile", "mkstemp", "mkdtemp"):
        monkeypatch.setattr(f"tempfile.{name}", refuse)

    client.enroll(random_embeddings(3, 8), LABELS)

    assert client.identify(random_embeddings(3, 8), threshold=0.1).decisions.all()
