"""Remembering the newest state of a gallery, so that an older one put back is noticed."""

from __future__ import annotations

import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey, StateFile, TransientStates
from gallery.client.integrity.rollback import NewestState, SeenStates
from gallery.client.session import GallerySession
from gallery.errors import RolledBackError, StateFileError
from gallery.server import open_service
from tests.support.galleries import random_embeddings

GALLERY = b"a gallery's name"
ANOTHER = b"another gallery "


@pytest.fixture(params=["session", "file"])
def states(request: pytest.FixtureRequest, tmp_path: Path) -> SeenStates:
    """Seen states of each kind."""
    return TransientStates() if request.param == "session" else StateFile(tmp_path / "seen")


def test_the_newest_of_each_gallery_is_remembered(states: SeenStates) -> None:
    states.remember(GALLERY, NewestState(3, b"three"))
    states.remember(GALLERY, NewestState(5, b"five"))
    states.remember(GALLERY, NewestState(4, b"four"))
    states.remember(GALLERY, NewestState(5, b"another five"))

    assert states.newest(GALLERY) == NewestState(5, b"five")
    assert states.newest(ANOTHER) is None


def test_a_gallery_can_be_forgotten(states: SeenStates) -> None:
    states.remember(GALLERY, NewestState(3, b"three"))
    states.remember(ANOTHER, NewestState(7, b"seven"))

    states.forget(GALLERY)

    assert states.newest(GALLERY) is None
    assert states.newest(ANOTHER) == NewestState(7, b"seven")


def test_a_file_is_shared_and_for_its_owner_alone(tmp_path: Path) -> None:
    StateFile(tmp_path / "seen").remember(GALLERY, NewestState(3, b"three"))

    assert StateFile(tmp_path / "seen").newest(GALLERY) == NewestState(3, b"three")
    assert stat.S_IMODE((tmp_path / "seen").stat().st_mode) == 0o600


def test_a_damaged_or_unreachable_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear memory, " * 100)

    for path in (tmp_path / "letter", tmp_path / "no such folder" / "seen"):
        with pytest.raises(StateFileError, match="give StateFile another path"):
            StateFile(path).newest(GALLERY)


@pytest.mark.parametrize("value", ["version = 'three'", "version = 0.5", "mac = 'three'"])
def test_a_damaged_value_is_an_error_of_the_file(tmp_path: Path, value: str) -> None:
    states = StateFile(tmp_path / "seen")
    states.remember(GALLERY, NewestState(3, b"three"))
    with closing(sqlite3.connect(tmp_path / "seen")) as connection, connection:
        connection.execute(f"UPDATE seen SET {value}")

    with pytest.raises(StateFileError, match="it is damaged"):
        states.newest(GALLERY)


@pytest.fixture
def yesterday(database: str, key: GalleryKey, tmp_path: Path) -> Path:
    """Yesterday's database, to be put back; today's has another reference."""
    path, copy = Path(database.removeprefix("sqlite:///")), tmp_path / "yesterday.db"
    states = StateFile(tmp_path / "seen")
    with open_service(database, create=True) as service:
        GalleryClient.create(service, key, dimension=8).close()
        with GalleryClient(service, key, states=states) as client:
            client.enroll(random_embeddings(1, 8), ["Ada"])
    shutil.copy(path, copy)
    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        client.enroll(random_embeddings(1, 8, seed=1), ["Grace"])
    return copy


def put_back(copy: Path, database: str) -> None:
    path = Path(database.removeprefix("sqlite:///"))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    shutil.copy(copy, path)


def put_back_while_it_is_open(copy: Path, database: str) -> None:
    path = database.removeprefix("sqlite:///")
    with closing(sqlite3.connect(copy)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target)


def test_yesterdays_database_put_back_is_noticed_by_every_use(
    yesterday: Path, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    put_back(yesterday, database)
    states = StateFile(tmp_path / "seen")

    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        for use in (
            lambda: client.identify(random_embeddings(1, 8), threshold=0.5),
            lambda: client.enroll(random_embeddings(1, 8, seed=2), ["Edith"]),
            lambda: client.remove(["Ada"]),
            lambda: client.verify(),
        ):
            with pytest.raises(RolledBackError, match=r"GalleryClient\.accept_rollback"):
                use()


def test_another_history_of_the_same_length_is_noticed(
    yesterday: Path, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    put_back(yesterday, database)
    with open_service(database) as service, GalleryClient(service, key) as somebody:
        somebody.enroll(random_embeddings(1, 8, seed=3), ["Hedy"])

    states = StateFile(tmp_path / "seen")
    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        with pytest.raises(RolledBackError):
            client.identify(random_embeddings(1, 8), threshold=0.5)


def test_an_owner_who_put_it_back_on_purpose_can_accept_it(
    yesterday: Path, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    put_back(yesterday, database)
    states = StateFile(tmp_path / "seen")

    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        client.accept_rollback()

        assert client.verify(deep=True).findings == ()
        assert [item.label for item in client.references()] == ["Ada"]


def test_a_client_that_is_open_goes_on_where_another_one_accepted_the_older_state(
    yesterday: Path, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    """Versions are counted anew from there, and say nothing of what was read before."""
    probes = random_embeddings(2, 8, seed=4)
    states = StateFile(tmp_path / "seen")
    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        client.identify(probes, threshold=0.5)
        put_back_while_it_is_open(yesterday, database)
        with GalleryClient(service, key, states=states) as other:
            other.accept_rollback()
            other.enroll(probes[:1], ["Hedy"])
            client.identify(probes, threshold=0.5)
            other.enroll(probes[1:], ["Ida"])

        found = client.identify(probes, threshold=0.5)

    assert found.labels.tolist() == [["Hedy"], ["Ida"]]


def test_a_client_notices_a_rollback_within_its_life_without_a_file(
    yesterday: Path, database: str, key: GalleryKey
) -> None:
    with open_service(database) as service, GallerySession(service, key, "default") as session:
        session.manifest()
        newest = session.newest_seen()
    put_back(yesterday, database)

    states = TransientStates()
    assert newest is not None
    with open_service(database) as service, GalleryClient(service, key, states=states) as client:
        states.remember(client.description.gallery_id, newest)
        with pytest.raises(RolledBackError):
            client.identify(random_embeddings(1, 8), threshold=0.5)
