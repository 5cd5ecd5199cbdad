"""``gallery cache``, and commands with a cache, without one, and with one of no use."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest

from gallery.server.http import ServerConfig
from tests.support.relay import relaying
from tests.support.serving import serving
from tests.support.small_disks import mounted_disk
from tests.unit.commands.conftest import Command


@pytest.fixture
def cached(
    made: Command, people: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Command:
    """Runs the command line with a gallery of five people, and an empty cache in ``cache``."""
    assert made("enroll", "people.npz").code == 0
    monkeypatch.setenv("GALLERY_CACHE_DIR", str(tmp_path / "cache"))
    return made


def shown(command: Command) -> list[dict[str, object]]:
    found: list[dict[str, object]] = command("cache", "show", "--json").records[0]["galleries"]
    return found


def identify(command: Command, *options: str) -> list[str]:
    done = command("identify", "people.npz", "--threshold", 0.01, "--json", *options)
    assert done.code == 0, done.err
    return [record["label"] for record in done.records if record["decision"] == "match"]


def test_commands_keep_what_they_read_until_it_is_cleared(cached: Command) -> None:
    assert shown(cached) == []
    expected = identify(cached)

    (record,) = shown(cached)
    assert record["gallery_id"] == cached("info", "--json").records[0]["gallery_id"]
    assert record["blocks"] == 1
    table = cached("cache", "show")
    assert str(record["gallery_id"]) in table.out
    assert f"{record['bytes']:,} bytes in " in table.err
    assert identify(cached) == expected

    cleared = cached("cache", "clear")
    assert (cleared.code, cleared.out) == (0, "")
    assert f"{record['bytes']:,} bytes removed from " in cleared.err
    assert shown(cached) == []
    assert identify(cached) == expected


def test_a_cache_of_no_size_is_none(cached: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GALLERY_CACHE_SIZE", "0")

    assert len(identify(cached)) == 5

    assert shown(cached) == []


def test_a_cache_that_was_switched_off_forgets_people_all_the_same(
    cached: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    (label, *_) = identify(cached)
    assert shown(cached)[0]["blocks"] == 1
    monkeypatch.setenv("GALLERY_CACHE_SIZE", "0")

    assert cached("remove", label, "--yes").code == 0

    assert sum(int(str(record["blocks"])) for record in shown(cached)) == 0


def test_a_size_that_is_none_is_refused(cached: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for size in ("much", "-1", "1.5", "2GiB"):
        monkeypatch.setenv("GALLERY_CACHE_SIZE", size)

        done = cached("info")

        assert done.code == 2, size
        assert "GALLERY_CACHE_SIZE is a number of MiB, 0 for no cache" in done.err


def test_a_cache_that_cannot_be_written_is_mentioned_if_asked(
    cached: Command, tmp_path: Path
) -> None:
    (tmp_path / "cache").write_text("not a folder")

    assert len(identify(cached, "--quiet")) == 5
    done = cached("identify", "people.npz", "--threshold", 0.01, "--verbose")

    assert done.code == 0
    assert done.err.count("nothing is kept in") == 1
    assert "it is no folder" in done.err
    assert "nothing is kept" not in cached("identify", "people.npz", "--threshold", 0.01).err


def test_a_user_without_a_home_folder_needs_no_cache(
    cached: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALLERY_CACHE_DIR")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", "")

    assert len(identify(cached)) == 5

    done = cached("cache", "show")
    assert (done.code, done.out) == (0, "")
    assert "set GALLERY_CACHE_DIR, or HOME" in done.err
    (record,) = cached("cache", "show", "--json").records
    assert (record["folder"], record["galleries"]) == (None, [])
    assert record["embeddings"] == {"photos": 0, "bytes": 0}
    assert cached("cache", "clear").code == 0


def test_a_full_disk_keeps_nobody_from_searching(cached: Command, tmp_path: Path) -> None:
    with mounted_disk(tmp_path / "cache", "128k") as disk:
        assert len(identify(cached)) == 5
        done = cached("identify", "people.npz", "--threshold", 0.01, "--verbose")
        assert "No space left on device" in done.err
        assert done.code == 0
        assert not list(disk.rglob("*partial*"))
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert len(identify(cached)) == 5


def test_a_second_command_over_a_server_receives_no_references(
    cached: Command, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    with serving(database, ServerConfig()) as server, relaying(server.url) as relay:
        (tmp_path / "token").write_text(server.token("owner") + "\n")
        there = ("--server", relay.url, "--token-file", "token")

        def received(*words: object) -> int:
            """Return how many bytes of answers a command takes."""
            relay.exchanges.clear()
            done = cached(*words, *there)
            assert done.code == 0, done.err
            assert "person 3" in done.out
            return sum(len(item.answer) for item in relay.exchanges)

        search = ("identify", "people.npz", "--threshold", 0.01)
        first, second = received(*search), received(*search)
        kept = int(str(shown(cached)[0]["bytes"]))

        assert kept > 200_000
        assert first - kept < second < first - kept + 2000
        assert received("list", "--label", "person 3") < 10_000
