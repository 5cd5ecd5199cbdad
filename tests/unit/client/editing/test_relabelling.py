"""Renaming and merging people, and assigning references to others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, Reference
from gallery.errors import (
    ErasurePendingError,
    GalleryError,
    InvalidLabelError,
    LabelExistsError,
    ReferenceNotFoundError,
)
from gallery.messages import GalleryUpdate
from gallery.parameters import PARAMETER_SETS, SWIFT, find_parameters
from gallery.server import EmbeddedService, open_service
from gallery.store import Database
from tests.support.galleries import random_embeddings
from tests.support.recording import RecordingService

PEOPLE = ["Ada", "Ada", "Grace", "Edith"]
EMBEDDINGS = random_embeddings(4, 8)

Change = Callable[[GalleryClient], tuple[Reference, ...]]


def first_id(client: GalleryClient) -> str:
    return next(client.references()).reference_id


CHANGES: dict[str, tuple[Change, list[str]]] = {
    "rename": (lambda client: client.rename("Ada", "Ada King"), ["Ada King"] * 2),
    "merge": (lambda client: client.merge("Ada", "Grace"), ["Grace"] * 2),
    "assign": (lambda client: client.assign([first_id(client)], "Edith"), ["Edith", "Ada"]),
    "assign to nobody yet": (
        lambda client: client.assign([first_id(client)], "Hedy"),
        ["Hedy", "Ada"],
    ),
}
each_change = pytest.mark.parametrize(
    ("change", "labels"), CHANGES.values(), ids=[name.replace(" ", "-") for name in CHANGES]
)


each_set = pytest.mark.parametrize("parameters", PARAMETER_SETS)


@pytest.fixture
def parameters() -> str:
    """The parameter set of the gallery."""
    return SWIFT.name


@pytest.fixture
def client(service: EmbeddedService, key: GalleryKey, parameters: str) -> Iterator[GalleryClient]:
    """A gallery with Ada twice, Grace once and Edith once."""
    chosen = find_parameters(parameters)
    with GalleryClient.create(service, key, dimension=8, parameters=chosen) as opened:
        opened.enroll(EMBEDDINGS, PEOPLE)
        yield opened


@each_set
@each_change
def test_labels_change_and_nothing_else_does(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    change: Change,
    labels: list[str],
) -> None:
    gallery_id = client.description.gallery_id
    before = [*client.references()]
    block = service.block(gallery_id, 0)

    changed = change(client)

    expected = [*labels, "Grace", "Edith"]
    assert [item.label for item in changed] == [label for label in labels if label != "Ada"]
    after = [*client.references()]
    assert [item.label for item in after] == expected
    assert [item.reference_id for item in after] == [item.reference_id for item in before]
    np.testing.assert_array_equal(service.block(gallery_id, 0).columns, block.columns)
    for opened in (client, GalleryClient(service, key)):
        found = opened.identify(EMBEDDINGS, threshold=0.01)
        assert [*found.labels[:, 0]] == expected
        assert found.decisions.all()
        assert opened.verify(deep=True).findings == ()
        assert [item.label for item in opened.find(labels=[labels[0]])] == [
            label for label in expected if label == labels[0]
        ]


@each_change
def test_what_is_sent_holds_no_ciphertext(
    client: GalleryClient,
    service: EmbeddedService,
    key: GalleryKey,
    change: Change,
    labels: list[str],
) -> None:
    recorded = RecordingService(service)
    with GalleryClient(recorded, key) as other:
        changed = change(other)

    (message,) = (data for call, data in recorded.sent if call == "write")
    assert "block" not in {call for call, _ in recorded.sent}
    update = GalleryUpdate.from_bytes(message)
    (item,) = update.relabellings
    assert (update.blocks, update.purge, len(item.changed)) == ((), True, len(changed))
    assert len(message) - len(update.check_sums.sealed) < 2500


@each_set
def test_a_relabelled_gallery_goes_on(client: GalleryClient) -> None:
    client.rename("Ada", "Ada King")
    newer = random_embeddings(1, 8, seed=7)

    assert client.enroll(newer, ["Hedy"]).added.all()
    assert not client.enroll(EMBEDDINGS[:1], ["Ada King"]).added.any(), "it is there, renamed"
    client.rename("Ada King", "Ada")
    client.merge("Hedy", "Ada")
    client.remove(["Edith"])

    assert [item.label for item in client.references()] == ["Ada", "Ada", "Grace", "Ada"]
    found = client.identify(np.vstack([EMBEDDINGS, newer]), threshold=0.01)
    assert [*found.decisions] == [True, True, True, False, True]
    assert client.verify(deep=True).findings == ()


@each_set
def test_a_relabelled_gallery_is_backed_up_and_restored(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    client.rename("Ada", "Ada King")
    client.export(tmp_path / "backup")
    service.delete(client.description.gallery_id)

    with GalleryClient.restore(service, key, tmp_path / "backup") as restored:
        assert [item.label for item in restored.references()] == ["Ada King"] * 2 + PEOPLE[2:]
        assert restored.verify(deep=True).findings == ()


def test_a_program_that_knew_the_former_labels_learns_the_new_ones(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient(service, key) as other:
        assert other.identify(EMBEDDINGS[0], threshold=0.01).labels[0, 0] == "Ada"

        client.rename("Ada", "Ada King")

        assert other.identify(EMBEDDINGS[0], threshold=0.01).labels[0, 0] == "Ada King"
        other.rename("Ada King", "Ada")
        assert client.identify(EMBEDDINGS[0], threshold=0.01).labels[0, 0] == "Ada"


REFUSED: list[tuple[Change, type[GalleryError], str]] = [
    (lambda client: client.rename("Nobody", "Hedy"), ReferenceNotFoundError, "'Nobody'"),
    (lambda client: client.rename("Ada", "Grace"), LabelExistsError, "'Grace' already"),
    (lambda client: client.rename("Ada", " Ada "), InvalidLabelError, "the same"),
    (lambda client: client.rename("Ada", ""), InvalidLabelError, "empty"),
    (lambda client: client.rename(first_id(client), "Hedy"), ReferenceNotFoundError, "named"),
    (lambda client: client.merge("Nobody", "Ada"), ReferenceNotFoundError, "'Nobody'"),
    (lambda client: client.merge("Ada", "Nobody"), ReferenceNotFoundError, "'Nobody'"),
    (lambda client: client.merge("Ada", "Ada"), InvalidLabelError, "the same"),
    (lambda client: client.assign(["Ada"], "Hedy"), ReferenceNotFoundError, "'Ada'"),
    (lambda client: client.assign(["0" * 32], "Hedy"), ReferenceNotFoundError, "named"),
    (lambda client: client.assign([first_id(client)], "a\nb"), InvalidLabelError, "control"),
]


@pytest.mark.parametrize(("change", "error", "words"), REFUSED)
def test_what_cannot_be_done_changes_nothing(
    client: GalleryClient, change: Change, error: type[GalleryError], words: str
) -> None:
    before = client.summary()

    with pytest.raises(error, match=words):
        change(client)

    assert client.summary() == before
    assert [item.label for item in client.references()] == PEOPLE


def test_a_reference_that_has_the_label_is_not_written(client: GalleryClient) -> None:
    before = client.summary()

    assert client.assign([first_id(client)], "Ada") == ()
    assert client.summary() == before


def test_references_in_several_blocks_change_in_one_write(
    service: EmbeddedService, key: GalleryKey
) -> None:
    count = 4094 + 2
    embeddings = random_embeddings(count, 4)
    with GalleryClient.create(service, key, dimension=4) as client:
        client.enroll(embeddings, ["Ada", *[f"person {i}" for i in range(count - 2)], "Ada"])
        before = client.summary()

        client.rename("Ada", "Ada King")

        assert client.summary().version == before.version + 1
        found = client.identify(embeddings[[0, 1, -1]], threshold=1e-5)
        assert [*found.labels[:, 0]] == ["Ada King", "person 0", "Ada King"]
        assert client.verify(deep=True).findings == ()


def files_of(database: str) -> bytes:
    """Return the bytes of all files of a SQLite database."""
    path = Path(database.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


@each_change
def test_nothing_of_a_former_label_is_left_in_any_file(
    client: GalleryClient,
    service: EmbeddedService,
    database: str,
    change: Change,
    labels: list[str],
) -> None:
    gallery_id = client.description.gallery_id
    (first, *_), header = service.references(gallery_id, 0).table, service.block(gallery_id, 0)
    traces = [first.content_tag, first.sealed_label, header.header.mac]
    traces += [] if "Ada" in labels else [first.pseudonym]
    assert all(trace in files_of(database) for trace in traces)

    change(client)

    assert [trace for trace in traces if trace in files_of(database)] == []


def test_a_reader_that_keeps_the_log_makes_the_erasure_pending(
    database: str, key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gallery.store.database._BUSY_TIMEOUT_MS", 200)
    with (
        open_service(database, create=True) as service,
        GalleryClient.create(service, key, dimension=8) as client,
    ):
        client.enroll(EMBEDDINGS, PEOPLE)
        (former, *_) = service.references(client.description.gallery_id, 0).table
        reader = Database(database)
        with reader.reading() as connection:
            connection.exec_driver_sql("SELECT count(*) FROM block").scalar()
            with pytest.raises(ErasurePendingError, match="call the service's purge"):
                client.rename("Ada", "Ada King")
        reader.close()

        client.compact()

        assert former.sealed_label not in files_of(database)
        assert [item.label for item in client.references()] == ["Ada King"] * 2 + PEOPLE[2:]
