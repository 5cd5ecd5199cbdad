"""A gallery and what was restored from its backup: neither is shown for the other unnoticed.

Both have the same identifier, blocks and secrets, and the operator may hold both.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gallery.client import (
    Calibration,
    GalleryClient,
    GalleryKey,
    StateFile,
    TransientStates,
    renew_gallery,
)
from gallery.client.integrity.authentication import Authenticator
from gallery.errors import (
    AuthenticationError,
    GalleryError,
    MalformedMessageError,
    RolledBackError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryDescription, GalleryUpdate, Manifest
from gallery.parameters import LIGHT
from gallery.protocol import GalleryService
from gallery.server import EmbeddedService, open_service
from tests.support.galleries import names, random_embeddings

PROBE = random_embeddings(1, 8)
CALIBRATED = Calibration(0.3, 0.01, 100, 100, 3, 1_790_000_000)


@dataclass(frozen=True)
class Both:
    """Services of a gallery and of what was restored from its backup, which has lost a person."""

    original: EmbeddedService
    restored: EmbeddedService
    name: str
    backup: Path


@pytest.fixture(params=["staff", "staff-restored"])
def both(request: pytest.FixtureRequest, key: GalleryKey, tmp_path: Path) -> Iterator[Both]:
    """A gallery ``staff``, and one restored from it, under its own name and under another one."""
    with ExitStack() as stack:
        original, restored = (
            stack.enter_context(open_service(f"sqlite:///{tmp_path / name}.db", create=True))
            for name in ("original", "restored")
        )
        with GalleryClient.create(
            original, key, "staff", dimension=8, parameters=LIGHT, threshold=0.1
        ) as client:
            client.enroll(random_embeddings(3, 8), names(3))
            client.export(tmp_path / "backup")
            client.enroll(random_embeddings(1, 8, seed=1), ["late"])
        with GalleryClient.restore(restored, key, tmp_path / "backup", request.param) as client:
            client.remove(["person 0"])
            client.enroll(random_embeddings(1, 8, seed=2), ["restored later"])
        yield Both(original, restored, request.param, tmp_path / "backup")


class Mixed(ForwardingService):
    """Shows of one gallery what is asked, and some of it of another."""

    def __init__(self, shown: GalleryService, other: GalleryService, *mixed: str) -> None:
        super().__init__(shown)
        for method in mixed:
            setattr(self, method, getattr(other, method))


def use(client: GalleryClient) -> None:
    client.identify(PROBE)
    client.references()
    client.summary()


MIXES = [("manifest",), ("manifest", "search"), ("search",), ("manifest", "search", "references")]


@pytest.mark.parametrize("way", ["restored for original", "original for restored"])
def test_a_manifest_of_the_other_gallery_is_refused_also_at_first_sight(
    both: Both, key: GalleryKey, way: str
) -> None:
    services = [(both.original, "staff"), (both.restored, both.name)]
    (shown, name), (other, _) = services if way.startswith("restored") else services[::-1]

    for mix in MIXES:
        with GalleryClient(Mixed(shown, other, *mix), key, name) as client:
            with pytest.raises(AuthenticationError, match="manifest"):
                use(client)


def test_a_description_of_the_other_gallery_does_not_have_its_name_or_its_state(
    both: Both, key: GalleryKey
) -> None:
    """What remains to an operator is to show one whole gallery for the other."""
    shown = describing(both.restored, lambda name: both.original.describe("staff"))

    if both.name != "staff":
        with pytest.raises(AuthenticationError, match="'staff' as 'staff-restored'"):
            GalleryClient(shown, key, both.name)
    else:
        with GalleryClient(shown, key, both.name) as client, pytest.raises(AuthenticationError):
            use(client)


def describing(
    service: EmbeddedService, describe: Callable[[str], GalleryDescription]
) -> ForwardingService:
    found = ForwardingService(service)
    setattr(found, "describe", describe)  # noqa: B010
    return found


def test_a_whole_gallery_of_another_lineage_is_noticed_by_whoever_has_seen_the_first(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    services = [(both.original, "staff"), (both.restored, both.name)]
    for number, ((seen, seen_name), (shown, shown_name)) in enumerate([services, services[::-1]]):
        states = StateFile(tmp_path / f"seen {number}")
        with GalleryClient(seen, key, seen_name, states=states) as client:
            use(client)
        if shown_name == "staff" != seen_name:
            # They have nothing in common that a name would not tell apart.
            continue
        with GalleryClient(shown, key, shown_name, states=states) as client:
            with pytest.raises(RolledBackError, match="restored from a backup"):
                use(client)
            client.accept_rollback()
            use(client)
        with GalleryClient(shown, key, shown_name, states=states) as client:
            use(client)
        if seen_name != shown_name:
            continue
        with GalleryClient(seen, key, seen_name, states=states) as client:
            with pytest.raises(RolledBackError, match="restored from a backup"):
                use(client)


def test_both_are_used_with_one_state_file_under_two_names(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    states = StateFile(tmp_path / "seen")
    with GalleryClient(both.original, key, "staff", states=states) as client:
        use(client)
    url = f"sqlite:///{tmp_path / 'third.db'}"
    with open_service(url, create=True) as third:
        GalleryClient.restore(third, key, both.backup, "third", states=states).close()
        for _ in range(2):
            with GalleryClient(third, key, "third", states=states) as client:
                client.enroll(random_embeddings(1, 8, seed=5), ["somebody"])
                client.store_calibration(CALIBRATED)
                use(client)
                assert client.calibration() is not None
            with GalleryClient(both.original, key, "staff", states=states) as client:
                use(client)
                assert client.calibration() is None


def test_a_rollback_within_a_lineage_is_noticed(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    states = TransientStates()
    with GalleryClient(both.restored, key, both.name, states=states) as client:
        client.accept_rollback()
        gallery_id = client.description.gallery_id
        older = both.restored.manifest(gallery_id)
        client.refresh()
        client.remove(["restored later"])
    shown = ForwardingService(both.restored)
    shown.manifest = lambda gallery_id: older  # type: ignore[method-assign]

    with GalleryClient(shown, key, both.name, states=states) as client:
        with pytest.raises(RolledBackError, match="older state"):
            use(client)


def test_two_galleries_of_one_backup_are_not_taken_for_each_other(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    states = StateFile(tmp_path / "seen")
    with open_service(f"sqlite:///{tmp_path / 'again.db'}", create=True) as again:
        GalleryClient.restore(again, key, both.backup, both.name).close()
        with GalleryClient(again, key, both.name, states=states) as client:
            use(client)
        with GalleryClient(both.restored, key, both.name, states=states) as client:
            with pytest.raises(RolledBackError, match="restored from a backup"):
                use(client)


def test_an_import_is_taken_for_what_it_replaces_only_when_that_is_said(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    states = StateFile(tmp_path / "seen")
    with GalleryClient(both.original, key, "staff", states=states) as client:
        use(client)
    url = f"sqlite:///{tmp_path / 'again.db'}"
    with (
        open_service(url, create=True) as again,
        GalleryClient.restore(again, key, both.backup, states=states) as client,
    ):
        with pytest.raises(RolledBackError):
            use(client)
        with GalleryClient(both.original, key, "staff", states=states) as original:
            use(original)  # a rehearsal of a restore leaves it as it was
        client.accept_rollback()
        use(client)


# --- the former version of the manifest -----------------------------------------------------------


def test_a_manifest_of_the_former_version_stands_for_no_restored_gallery(
    both: Both, key: GalleryKey
) -> None:
    gallery_id = both.original.describe("staff").gallery_id
    newest = both.restored.manifest(gallery_id)
    undated = Authenticator(key, gallery_id).sign(replace(newest, signed=None, lineage=b""))
    assert Manifest.from_bytes(undated.to_bytes()) == undated
    shown = ForwardingService(both.restored)
    shown.manifest = lambda gallery_id: undated  # type: ignore[method-assign]

    with GalleryClient(shown, key, both.name) as client, pytest.raises(AuthenticationError):
        client.references().__next__()


def test_a_lineage_stays_what_it_is_at_every_write(both: Both, key: GalleryKey) -> None:
    gallery_id = both.original.describe("staff").gallery_id
    former = both.restored.manifest(gallery_id)
    assert len(former.lineage) == 16
    with GalleryClient(both.restored, key, both.name) as client:
        client.enroll(random_embeddings(1, 8, seed=7), ["more"])
        client.compact()

    newest = both.restored.manifest(gallery_id)
    assert (newest.lineage, newest.version > former.version) == (former.lineage, True)
    other = replace(newest, version=newest.version + 1, lineage=bytes(range(16)))
    with pytest.raises(MalformedMessageError, match="another lineage"):
        both.restored.write(gallery_id, GalleryUpdate(newest.version, other, ()))


def test_a_backup_of_a_restored_gallery_is_restored_again(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    with GalleryClient(both.restored, key, both.name) as client:
        client.export(tmp_path / "second.backup")
        first = client.summary()
    with (
        open_service(f"sqlite:///{tmp_path / 'again.db'}", create=True) as again,
        GalleryClient.restore(again, key, tmp_path / "second.backup") as client,
    ):
        assert client.description.name == both.name
        assert client.summary().lineage != first.lineage
        assert client.verify(deep=True).findings == ()


def test_what_an_earlier_version_restored_gets_a_lineage_or_an_identity_of_its_own(
    both: Both, key: GalleryKey, other_key: GalleryKey, tmp_path: Path
) -> None:
    """It has neither, as a copy of the whole database has not."""
    with (
        closing(sqlite3.connect(tmp_path / "original.db")) as original,
        closing(sqlite3.connect(tmp_path / "former.db")) as copy,
    ):
        original.backup(copy)
    shared = both.original.describe("staff").gallery_id
    with (
        open_service(f"sqlite:///{tmp_path / 'former.db'}") as former,
        open_service(f"sqlite:///{tmp_path / 'again.db'}", create=True) as again,
    ):
        with GalleryClient(former, key, "staff") as client:
            assert client.summary().lineage == b""
            client.export(tmp_path / "former.backup")
        with GalleryClient.restore(again, key, tmp_path / "former.backup") as client:
            assert len(client.summary().lineage) == 16
        renew_gallery(former, key, other_key, "staff")

        assert former.describe("staff").gallery_id != shared
        with GalleryClient(Mixed(former, both.original, "manifest"), other_key, "staff") as client:
            with pytest.raises(GalleryError):
                use(client)


# --- old state files ------------------------------------------------------------------------------


def test_an_old_state_file_is_used_on_and_still_notices_a_rollback(
    both: Both, key: GalleryKey, tmp_path: Path
) -> None:
    gallery_id = both.original.describe("staff").gallery_id
    newest = both.original.manifest(gallery_id)
    path = tmp_path / "old.seen"
    with closing(sqlite3.connect(path)) as opened, opened:
        opened.execute(
            "CREATE TABLE seen"
            " (gallery_id BLOB PRIMARY KEY, version INTEGER NOT NULL, mac BLOB NOT NULL)"
        )
        opened.execute(
            "INSERT INTO seen VALUES (?, ?, ?)", (gallery_id, newest.version, newest.mac)
        )
    states = StateFile(path)

    with GalleryClient(both.original, key, "staff", states=states) as client:
        use(client)
        client.remove(["late"])
    with GalleryClient(both.restored, key, both.name, states=states) as client:
        with pytest.raises(RolledBackError, match="restored from a backup"):
            use(client)
    older = ForwardingService(both.original)
    older.manifest = lambda gallery_id: newest  # type: ignore[method-assign]
    with GalleryClient(older, key, "staff", states=states) as client:
        with pytest.raises(RolledBackError, match="older state"):
            use(client)
