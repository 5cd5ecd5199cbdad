"""The age of a gallery's state on the command line: `refresh`, `info`, and `identify --max-age`."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from gallery.client.integrity import clock
from tests.unit.commands.conftest import Command

DAY = 86400
SECONDS = clock.seconds
START = 1_790_000_000
SEARCH = ("identify", "people.npz", "--threshold", 0.1)


@pytest.fixture
def days(command: Command, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The days since the test began, to be set."""
    found = [0.0]
    monkeypatch.setattr(clock, "seconds", lambda: START + int(found[0] * DAY))
    return found


@pytest.fixture
def enrolled(days: list[float], made: Command, people: np.ndarray) -> Command:
    assert made("enroll", "people.npz").code == 0
    return made


def test_info_and_results_state_the_age(enrolled: Command, days: list[float]) -> None:
    days[0] = 3.5

    (info,) = enrolled("info", "--json").records
    found = enrolled(*SEARCH, "--json").records
    told = enrolled(*SEARCH, "--verbose")

    for record in (info, *found):
        assert (record["signed"], record["age_seconds"]) == ("2026-09-21T14:13:20+00:00", 302400)
    assert "3 days" in enrolled("info").out
    assert "age of the gallery's state: 3 days" in told.err


@pytest.mark.parametrize("now", [-315_619_200.0, 0.0, 253_402_300_800.0])
def test_a_clock_that_is_set_wrong_keeps_nobody_from_working(
    command: Command, people: np.ndarray, now: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before 1970, at its beginning as after a flat battery, and beyond the year 9999."""
    monkeypatch.setattr(clock, "seconds", SECONDS)
    monkeypatch.setattr(clock, "time", SimpleNamespace(time=lambda: now))
    runs = (
        ("key", "new"),
        ("init", "--dimension", 16, "--threshold", 0.1),
        ("enroll", "people.npz"),
        ("threshold", "set", 0.2),
        ("refresh",),
        ("identify", "people.npz"),
        ("people",),
        ("info",),
        ("threshold", "show"),
    )

    for arguments in runs:
        done = command(*arguments)
        assert done.code == 0, (arguments, done.err)


def test_a_search_refuses_an_older_state_than_is_asked_for(
    enrolled: Command, days: list[float]
) -> None:
    for version, (span, kept) in enumerate([("90m", 0.05), ("12h", 0.5), ("7d", 7), ("1w", 7)], 3):
        signed = days[0]
        days[0] = signed + kept
        assert enrolled(*SEARCH, "--max-age", span).code == 0
        days[0] = signed + kept + 0.1

        refused = enrolled(*SEARCH, "--max-age", span)

        assert (refused.code, refused.out) == (48, "")
        assert "gallery refresh" in refused.err
        assert enrolled(*SEARCH).code == 0
        done = enrolled("refresh")
        assert (done.code, done.out) == (0, "")
        assert f"version {version}, signed 2026" in done.err
        assert enrolled(*SEARCH, "--max-age", span).code == 0


@pytest.mark.parametrize("words", [SEARCH, ("refresh",)], ids=["identify", "refresh"])
def test_what_is_no_span_is_a_mistake_of_usage(
    command: Command, people: np.ndarray, words: tuple[object, ...]
) -> None:
    for span in ("7", "0d", "-1d", "soon", "7 d", "", "7y", "2027-01-31"):
        done = command(*words, "--max-age", span)

        assert done.code == 2, span
        assert "7d" in done.err


def test_a_refresh_signs_no_state_that_is_older_than_is_asked_for(
    enrolled: Command, days: list[float]
) -> None:
    days[0] = 3

    assert enrolled("refresh", "--max-age", "2d").code == 48
    assert enrolled("refresh", "--max-age", "4d").code == 0
    assert enrolled("refresh", "--max-age", "2d").code == 0


def test_a_job_without_a_state_file_is_told_what_to_do(enrolled: Command) -> None:
    refused = enrolled("refresh", "--state-file", "job.seen")

    assert (refused.code, refused.out) == (49, "")
    assert "has seen no state of gallery 'default'" in refused.err
    assert "--state-file" in refused.err
    assert enrolled("refresh", "--state-file", "job.seen", "--accept-unseen").code == 0
    assert enrolled("refresh", "--state-file", "job.seen").code == 0
    assert enrolled("refresh").code == 0  # what was signed elsewhere is newer than what was seen


def test_clocks_that_differ_are_told(enrolled: Command, days: list[float]) -> None:
    days[0] = -1.0

    refused = enrolled(*SEARCH, "--max-age", "7d")

    assert refused.code == 48
    assert "1 day in the future" in refused.err
    assert "clock" in refused.err
    assert "in the future" in enrolled("info").out


def test_weak_canaries_are_told_when_a_gallery_is_made(command: Command) -> None:
    command("key", "new")

    for parameters in ("standard", "compact", "swift", "light"):
        for dimension in (1, 15, 16):
            made = command(
                "init", "--dimension", dimension, "--parameters", parameters,
                "--gallery", f"{parameters} {dimension}",
            )  # fmt: skip

            weak = dimension < 16 and parameters in ("standard", "compact")
            assert ("canaries" in made.err) is weak, made.err
