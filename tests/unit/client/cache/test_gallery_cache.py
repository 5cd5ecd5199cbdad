"""The cache of a gallery: it saves requests, and never stands for anything else."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.client import (
    CacheFolder,
    GalleryClient,
    GalleryKey,
    StateFile,
    TransientStates,
    renew_gallery,
)
from gallery.client.session import GallerySession
from gallery.errors import ErasurePendingError, IntegrityError, RolledBackError
from gallery.messages import NO_CHECK_SUMS, GalleryUpdate, SearchRequest, SearchResult
from gallery.parameters import LIGHT, SWIFT
from gallery.protocol import GalleryService, SearchObserver
from gallery.server import EmbeddedService, open_service
from tests.support.counting import CountingService
from tests.support.galleries import client_of_each_scheme, names, random_embeddings
from tests.support.recording import RecordingService

__all__ = ["client_of_each_scheme"]

COUNT, DIMENSION = 6, 8
PEOPLE = random_embeddings(COUNT, DIMENSION)


class Machine:
    """A machine of the owner's: its cache, its state file, and clients on it."""

    def __init__(self, folder: Path, key: GalleryKey) -> None:
        folder.mkdir(exist_ok=True)
        self.cache, self.key = CacheFolder(folder / "cache"), key
        self.states = StateFile(folder / "seen")

    def open(self, service: GalleryService, name: str = "default") -> GalleryClient:
        return GalleryClient(service, self.key, name, states=self.states, cache=self.cache)

    def found(self, service: GalleryService, name: str = "default") -> list[str]:
        """Return whom a search finds for each of the people, and check that it is that person."""
        with self.open(service, name) as opened:
            done = opened.identify(PEOPLE, threshold=0.001)
        return [
            str(label) if match else ""
            for label, match in zip(done.labels[:, 0], done.decisions, strict=True)
        ]

    @property
    def files(self) -> list[Path]:
        """All that is kept, references first."""
        found = [path for path in self.cache.path.rglob("*") if path.is_file()]
        return sorted(found, key=lambda path: (path.name == "check-sums", path))


@pytest.fixture
def machine(tmp_path: Path, key: GalleryKey) -> Machine:
    return Machine(tmp_path / "machine", key)


@pytest.fixture
def people(client: GalleryClient) -> GalleryClient:
    """A client of a gallery of six people."""
    client.enroll(PEOPLE, names(COUNT))
    return client


@pytest.fixture
def swift(service: EmbeddedService, key: GalleryKey) -> GalleryClient:
    """A client of a gallery of six people with check sums."""
    opened = GalleryClient.create(service, key, "swift", dimension=DIMENSION, parameters=SWIFT)
    opened.enroll(PEOPLE, names(COUNT))
    return opened


def received_by(
    machine: Machine, service: EmbeddedService, use: Callable[[GalleryClient], object]
) -> int:
    """Return how many bytes a new client receives to do something."""
    recorded = RecordingService(service)
    with machine.open(recorded) as opened:
        use(opened)
    return sum(map(len, recorded.received))


def lists(client: GalleryClient) -> list[str]:
    return [item.label for item in client.references()]


# --- what it saves --------------------------------------------------------------------------------


def test_references_and_check_sums_are_received_once(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    def search(client: GalleryClient) -> None:
        found = client.identify(PEOPLE[2], threshold=0.001)
        assert (found.labels[0, 0], bool(found.decisions[0])) == ("person 2", True)

    def listed(client: GalleryClient) -> None:
        assert lists(client) == names(COUNT)

    other = Machine(machine.cache.path.parent / "other", machine.key)
    listing = received_by(other, service, listed)
    first, second = (received_by(machine, service, search) for _ in range(2))
    kept = sum(path.stat().st_size for path in machine.files)

    assert kept > 1000
    # What is left are description, header, result, and the manifest, twice: by the first one it is
    # found which of what is kept still counts.
    asked_before = len(service.manifest(people.description.gallery_id).to_bytes())
    assert first + asked_before - second == kept - signed_header(people, service)
    assert listing - received_by(machine, service, listed) > kept // 3


def signed_header(client: GalleryClient, service: EmbeddedService) -> int:
    """Return the bytes of a block's header in a file of the cache, and of what is around it.

    That is the beginning of the message, and how long the header is.
    """
    stored = service.references(client.description.gallery_id, 0)
    return 8 + 4 + len(stored.header.to_bytes())


def test_a_writer_keeps_what_it_wrote(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    with machine.open(service) as writer:
        writer.enroll(random_embeddings(1, DIMENSION, seed=1), ["one more"])
        writer.rename("person 0", "somebody")
    counting = CountingService(service)

    with machine.open(counting) as reader:
        assert lists(reader) == ["somebody", *names(COUNT)[1:], "one more"]

    assert counting.calls == {"describe": 1, "manifest": 1}


def test_enrollments_ask_for_the_block_that_they_write_once_and_for_no_references(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")
    counting = CountingService(service)
    for number in range(3):
        with machine.open(counting, "swift") as writer:
            writer.enroll(random_embeddings(1, DIMENSION, seed=number + 1), [f"more {number}"])

    assert counting.calls == {"describe": 3, "manifest": 3, "block": 1, "write": 3}
    assert swift.verify(deep=True).findings == ()
    assert lists(swift) == [*names(COUNT), "more 0", "more 1", "more 2"]
    assert len([path for path in machine.files if path.suffix == ".block"]) == 1


def test_a_block_that_others_have_changed_is_asked_for_again(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    counting = CountingService(service)
    with machine.open(counting, "swift") as writer:
        writer.enroll(random_embeddings(1, DIMENSION, seed=1), ["one more"])
        swift.remove(["person 1"])
        counting.calls.clear()
        writer.enroll(random_embeddings(1, DIMENSION, seed=2), ["another"])

    assert counting.calls["block"] == 1
    expected = [label for label in (*names(COUNT), "one more", "another") if label != "person 1"]
    assert sorted(lists(swift)) == sorted(expected)
    assert swift.verify(deep=True).findings == ()


def test_a_verification_reads_what_the_server_has(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service)
    counting = CountingService(service)

    with machine.open(counting) as opened:
        assert opened.verify().findings == ()

    assert (counting.calls["references"], counting.calls["block"]) == (1, 1)


def test_what_is_sent_does_not_depend_on_what_was_found(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")
    said = []
    for probe in (PEOPLE[0], random_embeddings(1, DIMENSION, seed=9)):
        recorded = RecordingService(service)
        for _ in range(2):
            with machine.open(recorded, "swift") as opened:
                opened.identify(probe, threshold=0.001)
        said.append([(name, len(message)) for name, message in recorded.sent])

    assert said[0] == said[1]


# --- what is in it, and who may read it -----------------------------------------------------------


def test_files_are_for_their_owner_alone_and_hold_nothing_in_clear(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    before = os.umask(0)
    try:
        machine.found(service)
    finally:
        os.umask(before)

    folders = {path.parent for path in machine.files} | {machine.cache.path}
    assert {path.stat().st_mode & 0o777 for path in folders} == {0o700}
    assert {path.stat().st_mode & 0o777 for path in machine.files} == {0o600}
    content = b"".join(path.read_bytes() for path in machine.files)
    assert machine.key.reveal()[0] not in content
    for text in (*names(COUNT), "default"):
        assert text.encode() not in content
        assert text not in " ".join(map(str, machine.files))
    for value in np.ravel(PEOPLE):
        assert np.float64(value).tobytes() not in content


# --- stale ----------------------------------------------------------------------------------------


def test_what_has_changed_since_is_asked_for_again(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    assert machine.found(service) == names(COUNT)

    people.remove(["person 1"])
    people.rename("person 2", "somebody")
    people.enroll(random_embeddings(1, DIMENSION, seed=1), ["one more"])

    expected = ["person 0", "", "somebody", "person 3", "person 4", "person 5"]
    assert machine.found(service) == expected
    assert machine.found(service) == expected


def test_an_older_state_that_was_put_back_is_noticed(
    database: str, key: GalleryKey, machine: Machine, tmp_path: Path
) -> None:
    path, saved = Path(database.removeprefix("sqlite:///")), tmp_path / "saved.db"
    with open_service(database, create=True) as service:
        GalleryClient.create(service, key, dimension=DIMENSION).enroll(PEOPLE, names(COUNT))
        machine.found(service)
    shutil.copy(path, saved)
    with open_service(database) as service, machine.open(service) as client:
        client.remove(["person 1"])
    shutil.copy(saved, path)

    with open_service(database) as service, pytest.raises(RolledBackError):
        machine.found(service)


def test_a_restored_gallery_and_its_original_have_each_what_is_theirs(
    people: GalleryClient, service: EmbeddedService, machine: Machine, tmp_path: Path
) -> None:
    people.export(tmp_path / "backup")
    machine.found(service)
    with (
        open_service(f"sqlite:///{tmp_path}/restored.db", create=True) as elsewhere,
        machine.open(service),
    ):
        backup, states = tmp_path / "backup", machine.states
        GalleryClient.restore(elsewhere, machine.key, backup, "restored", states=states)
        with machine.open(elsewhere, "restored") as restored:
            restored.remove(["person 3"])

        assert machine.found(elsewhere, "restored")[3] == ""
        assert machine.found(service) == names(COUNT)
        assert len(machine.cache.galleries()) == 2


# --- erased ---------------------------------------------------------------------------------------


def traces_of(service: EmbeddedService, key: GalleryKey, label: str) -> list[bytes]:
    """Return what a table of references holds of a person."""
    with GallerySession(service, key, "default") as session:
        (found,) = session.state().find("pseudonym", {session.labels.pseudonym(label)})
    item = found[1]
    return [item.sealed_label, item.reference_id, item.pseudonym, item.content_tag]


def assert_gone(traces: list[bytes], machine: Machine) -> None:
    content = b"".join(path.read_bytes() for path in machine.files)
    assert not any(trace in content for trace in traces)


def test_a_person_who_was_erased_leaves_the_cache_with_the_command(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service)
    traces = traces_of(service, machine.key, "person 1")
    assert all(trace in machine.files[0].read_bytes() for trace in traces)

    with machine.open(service) as client:
        client.remove(["person 1"])
        assert_gone(traces, machine)

    assert_gone(traces, machine)
    assert machine.found(service)[1] == ""


def test_other_machines_drop_a_person_when_they_see_the_manifest(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service)
    traces = traces_of(service, machine.key, "person 1")
    people.remove(["person 1"])

    with machine.open(service) as client:
        client.block_count()
        assert_gone(traces, machine)


def test_a_client_that_is_closed_late_brings_nobody_back(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    traces = traces_of(service, machine.key, "person 1")
    late = machine.open(service)
    assert lists(late) == names(COUNT)

    with machine.open(service) as client:
        client.remove(["person 1"])
    late.close()

    assert_gone(traces, machine)


def test_traces_that_the_database_keeps_for_now_are_not_kept_here(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    class PendingService(CountingService):
        def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
            service.write(gallery_id, update)
            raise ErasurePendingError("traces are left")

    machine.found(service)
    traces = traces_of(service, machine.key, "person 1")

    with (
        machine.open(PendingService(service)) as client,
        pytest.raises(ErasurePendingError),
    ):
        client.remove(["person 1"])

    assert_gone(traces, machine)


def test_what_a_killed_process_left_unfinished_of_an_erased_person_goes_too(
    people: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service)
    traces, kept = traces_of(service, machine.key, "person 1"), machine.files[0]
    unfinished = kept.with_name(f".{kept.name}.partial-abc_12")
    unfinished.write_bytes(kept.read_bytes())
    people.remove(["person 1"])

    machine.found(service)

    assert not unfinished.exists()
    assert_gone(traces, machine)


def test_a_renewed_gallery_leaves_nothing_of_the_old_one(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")

    renew_gallery(
        service,
        machine.key,
        machine.key,
        "swift",
        parameters=LIGHT,
        states=machine.states,
        cache=machine.cache,
    )

    assert machine.files == []


# --- damaged, foreign -----------------------------------------------------------------------------


def damages(content: bytes) -> list[bytes]:
    """Return other contents than a file had."""
    places = np.random.default_rng(0).integers(0, len(content), 20).tolist()
    changed = []
    for place in [0, 5, 8, 12, 24, 30, 300, 500, len(content) - 1, *places]:
        damaged = bytearray(content)
        damaged[place % len(content)] ^= 1 << place % 8
        changed.append(bytes(damaged))
    cut = [content[:size] for size in (0, 7, 8, 100, len(content) // 2, len(content) - 1)]
    return [*changed, *cut, content + b"\0", bytes(len(content)), content * 2]


def test_damage_is_noticed_and_mended(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")
    for path in machine.files:
        content = path.read_bytes()
        for damaged in damages(content):
            path.write_bytes(damaged)
            counting = CountingService(service)

            with machine.open(counting, "swift") as opened:
                assert lists(opened) == names(COUNT)
                assert opened.identify(PEOPLE[1], threshold=0.001).labels[0, 0] == "person 1"

            assert counting.calls["references"] == (path.suffix == ".references")
            assert path.read_bytes() == content


def test_a_damaged_block_is_asked_for_again(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    with machine.open(service, "swift") as writer:
        writer.remove(["person 5"])
    (path,) = (path for path in machine.files if path.suffix == ".block")
    content = path.read_bytes()
    for number, damaged in enumerate(damages(content)[::4]):
        path.unlink(missing_ok=True)
        path.write_bytes(damaged)

        with machine.open(service, "swift") as writer:
            writer.enroll(random_embeddings(1, DIMENSION, seed=number + 1), [f"more {number}"])

        (path,) = (path for path in machine.files if path.suffix == ".block")
    assert swift.verify(deep=True).findings == ()
    assert lists(swift)[:5] == names(5)


def test_what_is_no_file_is_left_alone(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")
    for make in (Path.mkdir, os.mkfifo, lambda path: path.symlink_to("/dev/zero")):
        for path in machine.files:
            path.unlink()
            make(path)
            assert machine.found(service, "swift") == names(COUNT)
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink(missing_ok=True)
            assert machine.found(service, "swift") == names(COUNT)


def test_what_belongs_to_another_gallery_counts_for_nothing(
    swift: GalleryClient, service: EmbeddedService, machine: Machine, other_key: GalleryKey
) -> None:
    others = Machine(machine.cache.path.parent / "others", other_key)
    strangers = random_embeddings(COUNT, DIMENSION, seed=7)
    other = GalleryClient.create(service, other_key, "other", dimension=DIMENSION, parameters=SWIFT)
    other.enroll(strangers, [f"stranger {number}" for number in range(COUNT)])
    machine.found(service, "swift")
    others.found(service, "other")

    for mine, foreign in zip(machine.files, others.files, strict=True):
        shutil.copy(foreign, mine)

    assert machine.found(service, "swift") == names(COUNT)


def test_a_state_of_the_same_gallery_under_the_name_of_another_counts_for_nothing(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    machine.found(service, "swift")
    older = [path.read_bytes() for path in machine.files]
    swift.remove(["person 1"])
    machine.found(service, "swift")

    for path, content in zip(machine.files, older, strict=True):
        path.write_bytes(content)

    assert machine.found(service, "swift") == [
        "person 0", "", "person 2", "person 3", "person 4", "person 5"
    ]  # fmt: skip


def test_a_server_cannot_pass_for_known_what_is_not(
    swift: GalleryClient, service: EmbeddedService, machine: Machine
) -> None:
    class ForgetfulService(CountingService):
        """Says of all references and check sums that they are known."""

        def search(
            self, request: SearchRequest, observer: SearchObserver | None = None
        ) -> SearchResult:
            found = service.search(request)
            blocks = (replace(block, references=None) for block in found.blocks)
            return replace(found, blocks=blocks, check_sums=NO_CHECK_SUMS)

    machine.found(service, "swift")
    swift.remove(["person 1"])

    with machine.open(ForgetfulService(service), "swift") as opened, pytest.raises(IntegrityError):
        opened.identify(PEOPLE[1], threshold=0.001)


# --- no place, no room ----------------------------------------------------------------------------


def test_without_a_place_everything_works_as_without_a_cache(
    people: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    said: list[str] = []
    cache = CacheFolder(tmp_path / "file" / "cache", told=said.append)

    for _ in range(2):
        with GalleryClient(service, key, states=TransientStates(), cache=cache) as opened:
            assert lists(opened) == names(COUNT)

    assert len(said) == 1
    assert "it is no folder" in said[0]


@pytest.mark.parametrize("room", [0, 1, 500, 2000, 4000])
def test_of_what_has_no_room_a_part_is_kept_or_nothing(
    swift: GalleryClient, service: EmbeddedService, machine: Machine, room: int
) -> None:
    machine.cache.limit = room

    assert machine.found(service, "swift") == names(COUNT)
    assert machine.found(service, "swift") == names(COUNT)

    assert sum(path.stat().st_size for path in machine.files) <= room


# --- at the same time -----------------------------------------------------------------------------


def test_clients_that_share_a_cache_while_others_write_are_never_wrong(
    swift: GalleryClient, database: str, machine: Machine
) -> None:
    wrong: list[object] = []
    over = threading.Event()

    def search() -> None:
        with open_service(database) as own:
            while not over.is_set():
                try:
                    found = machine.found(own, "swift")
                    if [*found[:3], *found[4:]] != [*names(COUNT)[:3], *names(COUNT)[4:]]:
                        wrong.append(found)
                except Exception as error:
                    wrong.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    with open_service(database) as own:
        for number in range(6):
            with machine.open(own, "swift") as writer:
                if number % 2:
                    writer.enroll(PEOPLE[3], ["person 3"])
                else:
                    writer.remove(["person 3"])
            if number == 3:
                machine.cache.clear()
    over.set()
    for thread in threads:
        thread.join()

    assert wrong == []
    with open_service(database) as own:
        assert machine.found(own, "swift") == names(COUNT)
