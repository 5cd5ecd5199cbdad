"""The log of decisions: what it keeps, for how long, and what becomes of damage and full disks."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import GalleryKey
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.decisions.entries import DecidedFace, DecisionEntry, HowSearched
from gallery.desk.decisions.log import DecisionLog
from gallery.desk.decisions.log_file import MAGIC, DecisionLogError
from gallery.desk.identifying import FaceDecision
from tests.support.desks import Clock

GUARD = Holder("guard", DeskScope.IDENTIFY)
DAY = 86_400


def decided(label: str | None) -> FaceDecision:
    """Return a decision on a face."""
    decision = "non-match" if label is None else "match"
    return FaceDecision(None, None, decision, label, 0.1, 0.3, False, False, {}, ())


@dataclass
class Logged:
    """A log of a test, and its file."""

    path: Path
    clock: Clock
    key: GalleryKey

    def open(self, **settings: Any) -> DecisionLog:
        """Open it."""
        log = DecisionLog(self.path, 90, clock=self.clock, **settings)
        log.open(self.key)
        return log

    def labels(self) -> list[str | None]:
        """Return the labels of all matches, the oldest first, of a log that is opened for it."""
        log = self.open()
        assert log.problem is None
        found = log.newest("default", 1000).entries
        log.close()
        return [face.label for _, entry in reversed(found) for face in entry.faces]


@pytest.fixture
def logged(tmp_path: Path, key: GalleryKey) -> Logged:
    """A log that does not exist yet, at a time long ago."""
    return Logged(tmp_path / "desk.key.desk-decisions", Clock(1_700_000_000.0), key)


def fill(log: DecisionLog, *labels: str | None, gallery: str = "default") -> None:
    """Log a search for each label."""
    for label in labels:
        log.record(gallery, GUARD, HowSearched.PAGE, [decided(label)])


names = st.text(st.characters(codec="utf-8"), max_size=300)
faces_of_photos = st.lists(st.tuples(st.sampled_from(["match", "non-match"]), names | st.none()))


@given(names, names, faces_of_photos)
def test_an_entry_comes_back_as_it_was(gallery: str, operator: str, faces: list[Any]) -> None:
    decided = tuple(DecidedFace(*face) for face in faces)
    entry = DecisionEntry(7, gallery, operator, HowSearched.API, decided)

    assert DecisionEntry.decoded(entry.encoded()) == entry
    assert len(entry.encoded()) % 128 == 0


def test_a_log_goes_on_where_it_ended_and_shows_no_name(logged: Logged) -> None:
    log = logged.open()
    fill(log, "Ada Lovelace", None)
    fill(log, "Eve", gallery="other")
    log.close()
    log = logged.open()
    fill(log, "Grace")

    found = log.newest("default", 2)
    assert [entry.faces[0].label for _, entry in found.entries] == ["Grace", None]
    assert found.has_older
    older = log.newest("default", 2, before=found.entries[-1][0])
    assert [entry.faces[0].label for _, entry in older.entries] == ["Ada Lovelace"]
    assert not older.has_older
    assert b"Ada" not in logged.path.read_bytes()
    assert b"guard" not in logged.path.read_bytes()
    assert logged.path.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_process_left_is_cut_off(logged: Logged) -> None:
    log = logged.open()
    fill(log, "Ada", "Eve")
    log.close()
    whole = logged.path.read_bytes()
    lengths = {len(whole) - 1, len(whole) - 100, len(whole) - 157}

    for left in (*(whole[:length] for length in lengths), whole[:-160] + bytes(20)):
        logged.path.write_bytes(left)
        assert logged.labels() == ["Ada"]
        log = logged.open()
        fill(log, "Grace")
        log.close()
        assert logged.labels() == ["Ada", "Grace"]


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "a changed bit": lambda whole: whole[:-9] + bytes([whole[-9] ^ 1]) + whole[-8:],
    "records that changed places": lambda whole: whole[:-320] + whole[-160:] + whole[-320:-160],
    "a record that is missing": lambda whole: whole[:-320] + whole[-160:],
    "a length that cannot be": lambda whole: whole + b"\xff\xff\xff\xff",
    "another's file": lambda _: b"somebody else's file, which is long enough",
    "nothing": lambda _: b"",
    "a beginning alone": lambda whole: whole[:24],
    "another name": lambda whole: MAGIC + bytes(16) + whole[24:],
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_log_is_told_and_left_as_it_is(logged: Logged, name: str) -> None:
    log = logged.open()
    fill(log, "Ada", "Eve", "Grace")
    log.close()
    damaged = DAMAGE[name](logged.path.read_bytes())
    logged.path.write_bytes(damaged)

    log = logged.open()
    fill(log, "Kay")

    assert "move it away" in (log.problem or "")
    assert str(logged.path) in (log.problem or "")
    with pytest.raises(DecisionLogError, match="move it away"):
        log.newest("default", 1)
    assert logged.path.read_bytes() == damaged
    logged.path.unlink()
    log.close()
    log.open(logged.key)
    fill(log, "Kay")
    assert log.problem is None
    assert [entry.missed for _, entry in log.newest("default", 9).entries] == [0, 1]


def test_a_log_of_another_key_is_not_opened(logged: Logged, other_key: GalleryKey) -> None:
    logged.open().close()

    log = replace(logged, key=other_key).open()

    assert "another key's" in (log.problem or "")


def test_one_desk_writes_it_at_a_time(logged: Logged) -> None:
    first = logged.open()
    second = logged.open()

    assert "another desk" in (second.problem or "")
    first.close()
    second.open(logged.key)
    assert second.problem is None


def test_a_full_disk_is_told_and_stands_in_the_log_as_a_gap(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logged.open()
    fill(log, "Ada")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        fill(log, "Eve", "Eve")
        assert "No space left" in (log.problem or "")
    fill(log, "Grace")

    assert log.problem is None
    shown = [(entry.missed, entry.faces) for _, entry in log.newest("default", 9).entries]
    assert [missed for missed, _ in shown] == [0, 2, 0]
    log.close()
    assert logged.labels() == ["Ada", "Grace"]


def test_what_is_too_old_is_gone_from_the_file(logged: Logged) -> None:
    log = logged.open()
    fill(log, "Ada")
    logged.clock.now += 50 * DAY
    fill(log, "Eve")
    size = logged.path.stat().st_size
    logged.clock.now += 50 * DAY
    fill(log, "Grace")  # while the desk goes on

    assert logged.path.stat().st_size == size
    assert log.newest("default", 9).since == int(logged.clock.now) - 90 * DAY
    log.close()
    logged.clock.now += 80 * DAY
    assert logged.labels() == ["Grace"]


def test_a_log_that_grows_too_large_says_since_when_it_is_whole(logged: Logged) -> None:
    log = logged.open(most_bytes=4000)
    for number in range(100):
        logged.clock.now += 1
        fill(log, str(number))

    found = log.newest("default", 100)
    labels = [entry.faces[0].label for _, entry in found.entries]
    assert labels[0] == "99"
    assert labels == [str(number) for number in range(99, 99 - len(labels), -1)]
    assert found.since == found.entries[-1][1].time
    assert logged.path.stat().st_size < 4200


def test_live_results_that_do_not_change_are_logged_once_a_minute(logged: Logged) -> None:
    log = logged.open()
    for _ in range(90):
        logged.clock.now += 1
        log.record("default", GUARD, HowSearched.LIVE, [decided("Ada")])
    log.record("default", GUARD, HowSearched.LIVE, [decided(None)])
    log.record("default", GUARD, HowSearched.LIVE, [])

    found = log.newest("default", 9).entries
    assert [entry.faces[0].label for _, entry in found] == [None, "Ada", "Ada"]


def test_a_photo_of_many_is_several_entries(logged: Logged) -> None:
    log = logged.open()
    log.record("default", GUARD, HowSearched.API, [decided("Ada")] * 250)

    assert [len(entry.faces) for _, entry in log.newest("default", 9).entries] == [50, 100, 100]
