"""The contract of keyless services, whatever carries the messages and whatever stores them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, PersonDetails
from gallery.client.integrity.authentication import Authenticator
from gallery.errors import (
    DimensionMismatchError,
    GalleryExistsError,
    GalleryNotFoundError,
    KeyMismatchError,
    MalformedMessageError,
    MissingBlockError,
    ParameterSetError,
    WriteConflictError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import (
    NO_CHECK_SUMS,
    EncryptedProbe,
    GalleryUpdate,
    SealedCheckSums,
    SearchRequest,
)
from gallery.messages.check_sums import sealed_size
from gallery.parameters import (
    COMPACT,
    LIGHT,
    PARAMETER_SETS,
    STANDARD,
    SWIFT,
    find_parameters,
)
from gallery.protocol import GalleryService
from gallery.server import open_service
from tests.support import builders
from tests.support.galleries import names, random_embeddings
from tests.support.recording import RecordingService
from tests.support.serving import serving

SERVICES = [
    "SQLite",
    "SQLite, SEAL's evaluator",
    "SQLite, through bytes",
    "SQLite, forwarded",
    "PostgreSQL",
    "HTTP on SQLite",
    "HTTP on PostgreSQL",
]
HINTED = [
    (service, parameters.name)
    for parameters in (SWIFT, LIGHT)
    for service in SERVICES
    if "SEAL" not in service
]
"""SEAL does not compute hinted sets."""

with_hints = pytest.mark.parametrize("service, filled", HINTED, indirect=True)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test on each service, and those of a filled gallery with sets of both schemes."""
    if any(
        mark.name == "parametrize" and "filled" in mark.args[0]
        for mark in metafunc.definition.iter_markers()
    ):
        return
    if "filled" in metafunc.fixturenames:
        pairs = [(service, STANDARD.name) for service in SERVICES] + HINTED
        metafunc.parametrize("service, filled", pairs, indirect=True)
    elif "service" in metafunc.fixturenames:
        metafunc.parametrize("service", SERVICES, indirect=True)


@pytest.fixture
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GalleryService]:
    """Each way to reach a keyless side."""
    url = f"sqlite:///{tmp_path / 'gallery.db'}"
    if "PostgreSQL" in request.param:
        url = request.getfixturevalue("postgresql")
    if "HTTP" in request.param:
        with serving(url) as server, server.connected("owner") as remote:
            yield remote
        return
    backend = "seal" if "SEAL" in request.param else "native"
    with open_service(url, create=True, backend=backend) as opened:
        if "through bytes" in request.param:
            yield RecordingService(opened)
        elif "forwarded" in request.param:
            yield ForwardingService(opened)
        else:
            yield opened


@pytest.fixture
def filled(
    request: pytest.FixtureRequest, service: GalleryService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A client of a gallery with three references of 8 values."""
    chosen = find_parameters(request.param)
    with GalleryClient.create(service, key, dimension=8, parameters=chosen) as client:
        client.enroll(random_embeddings(3, 8), names(3))
        yield client


def probe_like(client: GalleryClient, service: GalleryService, **changes: object) -> EncryptedProbe:
    """A probe that fits the gallery: residues of its own block serve as well as any."""
    description = client.description
    columns = service.block(description.gallery_id, 0).columns
    hinted = find_parameters(description.parameters).hint_shape is not None
    fields: dict[str, object] = {
        "probe_id": bytes(16),
        "key_id": description.key_id,
        "parameters": description.parameters,
        "dimension": description.dimension,
        "constants": np.ascontiguousarray(columns[:, :, 0]) if hinted else columns,
    }
    return EncryptedProbe(**{**fields, **changes})  # type: ignore[arg-type]


def search(client: GalleryClient, service: GalleryService, probe: EncryptedProbe) -> None:
    result = service.search(SearchRequest(client.description.gallery_id, (probe,), {}))
    list(result.blocks)


def test_a_gallery_enrolls_and_identifies(filled: GalleryClient) -> None:
    found = filled.identify(random_embeddings(3, 8), threshold=0.01)

    assert [*found.labels[:, 0]] == names(3)
    assert found.decisions.all()


def test_what_was_written_is_read_back_equal(
    filled: GalleryClient, service: GalleryService
) -> None:
    gallery_id = filled.description.gallery_id
    block, references = service.block(gallery_id, 0), service.references(gallery_id, 0)

    assert block.header == references.header
    assert references.table.digest() == references.header.references_digest
    assert len(references.table) == 3
    block.check()


def test_names_are_listed_and_found(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    GalleryClient.create(service, key, "another", dimension=4).close()

    assert service.gallery_names() == ["another", "default"]
    assert service.describe("another").dimension == 4


def test_a_name_is_taken_once(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    with pytest.raises(GalleryExistsError):
        GalleryClient.create(service, key, dimension=8)


@pytest.mark.parametrize("name", [".", "..", "a/b", "Müller & Söhne", "%2e", "who? #1", "a+b c"])
def test_every_name_reaches_its_gallery(
    service: GalleryService, key: GalleryKey, name: str
) -> None:
    GalleryClient.create(service, key, name, dimension=2).close()

    assert service.gallery_names() == [name]
    assert service.describe(name).name == name
    with pytest.raises(GalleryNotFoundError):
        service.describe(f"{name}/")


def test_creating_the_same_gallery_again_is_confirmed(
    service: GalleryService, key: GalleryKey
) -> None:
    recorded = RecordingService(service)
    with GalleryClient.create(recorded, key, dimension=8) as client:
        description = client.description
        empty = service.manifest(description.gallery_id)
        service.create_gallery(description, empty)
        assert service.gallery_names() == ["default"]

        client.enroll(random_embeddings(1, 8), ["Ada"])
        # An older state is not what the gallery is by now.
        with pytest.raises(GalleryExistsError):
            service.create_gallery(description, empty)
        assert client.summary().references == 1


def test_a_write_that_is_sent_again_is_confirmed_and_done_once(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    gallery_id = filled.description.gallery_id
    recorded = RecordingService(service)
    before = service.manifest(gallery_id)
    with GalleryClient(recorded, key) as client:
        client.enroll(random_embeddings(1, 8, seed=5), ["Ada"])
    (message,) = (data for call, data in recorded.sent if call == "write")
    update = GalleryUpdate.from_bytes(message)
    after = service.manifest(gallery_id)

    service.write(gallery_id, update)

    assert service.manifest(gallery_id) == after
    assert after.version == before.version + 1
    assert [item.label for item in filled.references()] == [*names(3), "Ada"]


def test_an_older_write_that_is_sent_again_is_refused(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    gallery_id = filled.description.gallery_id
    recorded = RecordingService(service)
    with GalleryClient(recorded, key) as client:
        client.enroll(random_embeddings(1, 8, seed=5), ["Ada"])
        client.enroll(random_embeddings(1, 8, seed=6), ["Grace"])
    first, _ = (data for call, data in recorded.sent if call == "write")

    with pytest.raises(WriteConflictError):
        service.write(gallery_id, GalleryUpdate.from_bytes(first))

    assert [item.label for item in filled.references()] == [*names(3), "Ada", "Grace"]


def test_what_is_not_there_is_said_to_be_missing(
    service: GalleryService, filled: GalleryClient
) -> None:
    with pytest.raises(GalleryNotFoundError):
        service.describe("nobody")
    with pytest.raises(GalleryNotFoundError):
        service.manifest(bytes(16))
    with pytest.raises(MissingBlockError):
        service.block(filled.description.gallery_id, 7)
    with pytest.raises(MissingBlockError):
        service.references(filled.description.gallery_id, 7)


def test_an_update_that_comes_second_is_refused_whole(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    before = service.manifest(gallery_id)

    with pytest.raises(WriteConflictError):
        # The same version, and not the same manifest: that would be a repetition.
        other = before.with_mac(bytes(32))
        service.write(gallery_id, GalleryUpdate(before.version - 1, other, ()))

    assert service.manifest(gallery_id) == before


def test_an_update_that_does_not_follow_is_refused(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    manifest = service.manifest(gallery_id)

    with pytest.raises(MalformedMessageError):
        later = replace(manifest, version=manifest.version + 2)
        service.write(gallery_id, GalleryUpdate(manifest.version, later, ()))


def test_references_that_the_caller_has_are_not_sent_again(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    version = service.references(gallery_id, 0).header.version
    probe = probe_like(filled, service)

    (fresh,) = service.search(SearchRequest(gallery_id, (probe,), {})).blocks
    (known,) = service.search(SearchRequest(gallery_id, (probe,), {0: version})).blocks
    (stale,) = service.search(SearchRequest(gallery_id, (probe,), {0: version - 1})).blocks

    assert fresh.references is not None
    assert known.references is None
    assert stale.references == fresh.references


@with_hints
def test_check_sums_that_the_caller_has_are_not_sent_again(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id, probe = filled.description.gallery_id, probe_like(filled, service)
    stored = service.check_sums(gallery_id)
    assert stored

    def sent(known: bytes) -> SealedCheckSums:
        result = service.search(SearchRequest(gallery_id, (probe,), {}, known))
        list(result.blocks)
        return result.check_sums

    assert sent(b"") == sent(bytes(32)) == stored
    assert sent(stored.digest()) == NO_CHECK_SUMS

    filled.enroll(random_embeddings(1, 8, seed=9), ["later"])
    assert sent(stored.digest()) == service.check_sums(gallery_id) != stored


def test_check_sums_are_there_where_the_scheme_has_them(
    service: GalleryService, filled: GalleryClient
) -> None:
    parameters = find_parameters(filled.description.parameters)

    found = service.check_sums(filled.description.gallery_id)

    assert len(found.sealed) == sealed_size(filled.description.columns, parameters)
    with pytest.raises(GalleryNotFoundError):
        service.check_sums(bytes(16))


@with_hints
def test_an_update_without_its_check_sums_is_refused_whole(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    gallery_id = filled.description.gallery_id
    before, sums = service.manifest(gallery_id), service.check_sums(gallery_id)
    watched = WithoutCheckSums(service)

    with GalleryClient(watched, key) as client, pytest.raises(MalformedMessageError, match="sums"):
        client.enroll(random_embeddings(1, 8, seed=5), ["Ada"])

    assert (service.manifest(gallery_id), service.check_sums(gallery_id)) == (before, sums)
    assert [item.label for item in filled.references()] == names(3)


class WithoutCheckSums(ForwardingService):
    """Passes updates on without their check sums."""

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        super().write(gallery_id, replace(update, check_sums=NO_CHECK_SUMS))


@with_hints
def test_a_gallery_is_restored_with_its_check_sums(
    service: GalleryService, filled: GalleryClient, key: GalleryKey, tmp_path: Path
) -> None:
    gallery_id = filled.description.gallery_id
    sums = service.check_sums(gallery_id)
    filled.export(tmp_path / "gallery.backup")
    service.delete(gallery_id)

    GalleryClient.restore(service, key, tmp_path / "gallery.backup")

    assert service.check_sums(gallery_id) == sums
    with GalleryClient(service, key) as client:
        found = client.identify(random_embeddings(3, 8), threshold=0.05)
    assert [*found.labels[:, 0]] == names(3)


def test_several_probes_get_the_distances_of_each(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    first = probe_like(filled, service)
    second = probe_like(
        filled,
        service,
        probe_id=b"2" * 16,
        constants=np.ascontiguousarray(first.constants[:, ::-1]),
    )

    (both,) = service.search(SearchRequest(gallery_id, (first, second), {})).blocks
    (alone,) = service.search(SearchRequest(gallery_id, (second,), {})).blocks

    assert [item.probe_id for item in both.distances] == [bytes(16), b"2" * 16]
    np.testing.assert_array_equal(both.distances[1].residues, alone.distances[0].residues)


def test_probes_that_do_not_fit_are_refused_before_anything_is_computed(
    service: GalleryService, filled: GalleryClient
) -> None:
    fitting = probe_like(filled, service)
    wrong = fitting.constants.copy()
    wrong.flat[0] = find_parameters(fitting.parameters).data_primes[0]
    small = np.ascontiguousarray(fitting.constants[:, :, :-1])
    other = builders.probe(parameters=COMPACT)

    with pytest.raises(KeyMismatchError):
        search(filled, service, probe_like(filled, service, key_id=b"x" * 16))
    with pytest.raises(DimensionMismatchError):
        search(filled, service, probe_like(filled, service, dimension=7, constants=small))
    with pytest.raises(ParameterSetError):
        search(filled, service, replace(other, key_id=fitting.key_id))
    with pytest.raises(MalformedMessageError):
        search(filled, service, probe_like(filled, service, constants=wrong))


with_swift = pytest.mark.parametrize(
    "service, filled", [pair for pair in HINTED if pair[1] == SWIFT.name], indirect=True
)
with_every_set = pytest.mark.parametrize(
    "service, filled",
    [
        *(pair for pair in HINTED if pair[1] == SWIFT.name),
        *(("HTTP on PostgreSQL", name) for name in PARAMETER_SETS if name != SWIFT.name),
        *(("SQLite, SEAL's evaluator", name) for name in (STANDARD.name, COMPACT.name)),
    ],
    indirect=True,
)


@with_every_set
def test_references_are_relabelled_and_nothing_else_changes(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    gallery_id, embeddings = filled.description.gallery_id, random_embeddings(3, 8)
    before, columns = service.manifest(gallery_id), service.block(gallery_id, 0).columns
    identifiers = [item.reference_id for item in filled.references()]
    recorded = RecordingService(service)
    with GalleryClient(recorded, key) as client:
        client.rename("person 0", "Ada")
        client.assign([identifiers[2]], "Grace")
        client.merge("person 1", "Grace")
        client.annotate(["Ada", "Grace"], PersonDetails({"id": "4711"}, 4_000_000_000))

    labels = ["Ada", "Grace", "Grace"]
    found = filled.references()
    assert [(item.reference_id, item.label) for item in found] == [
        *zip(identifiers, labels, strict=True)
    ]
    np.testing.assert_array_equal(service.block(gallery_id, 0).columns, columns)
    assert service.manifest(gallery_id).version == before.version + 4
    answer = filled.identify(embeddings, threshold=0.05)
    assert [*answer.labels[:, 0]] == labels
    assert {(*item.attributes.items(), item.expires) for item in answer.details[:, 0]} == {
        (("id", "4711"), 4_000_000_000)
    }
    assert filled.verify(deep=True).findings == ()
    first, *_, last = (data for call, data in recorded.sent if call == "write")
    after = service.manifest(gallery_id)
    service.write(gallery_id, GalleryUpdate.from_bytes(last))
    assert service.manifest(gallery_id) == after, "the last one, sent again, is confirmed"
    with pytest.raises(WriteConflictError):
        service.write(gallery_id, GalleryUpdate.from_bytes(first))


@with_swift
def test_a_relabelling_of_anything_else_is_refused_whole(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    gallery_id = filled.description.gallery_id
    before, references = service.manifest(gallery_id), service.references(gallery_id, 0)
    with GalleryClient(Tampering(service), key) as client:
        with pytest.raises(MalformedMessageError, match="relabelled"):
            client.rename("person 0", "Ada")

    assert service.manifest(gallery_id) == before
    assert service.references(gallery_id, 0).table == references.table


class Tampering(ForwardingService):
    """Passes relabellings on with one reference more than their header states."""

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        (item,) = update.relabellings
        changed = item.changed
        more = replace(changed.at(0), position=1)
        table = replace(changed, references=(*changed, more))
        relabellings = (replace(item, changed=table),)
        super().write(gallery_id, replace(update, relabellings=relabellings))


@with_swift
def test_a_search_sees_the_labels_of_one_state_though_they_change_meanwhile(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    former = service.references(gallery_id, 0).table
    result = service.search(SearchRequest(gallery_id, (probe_like(filled, service),), {}))

    filled.rename("person 0", "Ada")
    (block,) = result.blocks

    assert block.references == former
    assert result.manifest.entries[0].block_mac == block.header.mac
    assert service.references(gallery_id, 0).table != former


def test_a_search_sees_one_state_though_the_gallery_changes_meanwhile(
    service: GalleryService, filled: GalleryClient
) -> None:
    gallery_id = filled.description.gallery_id
    probe = probe_like(filled, service)
    result = service.search(SearchRequest(gallery_id, (probe,), {}))

    filled.enroll(random_embeddings(1, 8, seed=9), ["later"])
    (block,) = result.blocks

    assert result.manifest.entries[0].block_mac == block.header.mac
    assert block.references is not None
    assert len(block.references) == 3


def test_the_last_blocks_can_be_dropped_and_references_moved(
    service: GalleryService, key: GalleryKey
) -> None:
    # So many values that no other is as close as the errors of a distance.
    embeddings = random_embeddings(4094 + 2, 8)
    with GalleryClient.create(service, key, dimension=8, parameters=STANDARD) as client:
        client.enroll(embeddings, names(len(embeddings)))
        client.remove(names(10)[3:5])

        assert client.compact() == 1

        assert (client.summary().references, client.summary().blocks) == (4094, 1)
        found = client.identify(embeddings[[0, 4094, 4095]], threshold=0.01)
        assert [*found.labels[:, 0]] == ["person 0", "person 4094", "person 4095"]


def test_a_gallery_can_be_deleted(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    GalleryClient.create(service, key, "another", dimension=4).close()

    service.delete(filled.description.gallery_id)

    assert service.gallery_names() == ["another"]
    with pytest.raises(GalleryNotFoundError):
        service.delete(filled.description.gallery_id)


def test_a_gallery_takes_anothers_place_only_at_the_version_that_was_seen(
    service: GalleryService, filled: GalleryClient, key: GalleryKey
) -> None:
    old = filled.description
    version = service.manifest(old.gallery_id).version
    with GalleryClient.create(service, key, "newer", dimension=8) as newer:
        newer.enroll(random_embeddings(1, 8, seed=4), ["Ada"])
        authenticator = Authenticator(key, newer.description.gallery_id)
        renamed = authenticator.sign(replace(newer.description, name=old.name))
        seen = newer.summary().version

    for stale in ((version - 1, seen), (version, seen - 1)):
        with pytest.raises(WriteConflictError):
            service.replace(old.gallery_id, stale[0], renamed, stale[1])
        assert service.gallery_names() == ["default", "newer"]
    service.replace(old.gallery_id, version, renamed, seen)

    assert service.gallery_names() == ["default"]
    with GalleryClient(service, key) as client:
        assert [item.label for item in client.references()] == ["Ada"]
    with pytest.raises(GalleryNotFoundError):
        service.manifest(old.gallery_id)
