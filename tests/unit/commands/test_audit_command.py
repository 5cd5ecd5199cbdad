"""``gallery audit``: what was done, for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gallery.store import Action, AuditEvent, AuditStore, open_database
from tests.unit.commands.conftest import Command

DAY = 86_400_000_000
SEARCH = AuditEvent(
    Action.SEARCH,
    token_id="00112233aabbccdd",
    token_name="kiosk",
    gallery_id=bytes(range(16)),
    gallery="staff",
    probes=3,
    request_id="3f1c",
    time=1_700_000_000_000_001,
)


def log(*events: AuditEvent) -> None:
    with open_database("sqlite:///gallery.db", create=True) as database:
        AuditStore(database).append(events)


def test_events_are_printed_as_json_newest_last(command: Command) -> None:
    log(AuditEvent(Action.DENIED, result="AccessDeniedError", time=SEARCH.time + 1), SEARCH)

    first, second = command("audit", "--json").records

    assert first == {
        "time": "2023-11-14T22:13:20.000001+00:00",
        "action": "search",
        "token": "kiosk",
        "token_id": "00112233aabbccdd",
        "gallery": "staff",
        "gallery_id": "000102030405060708090a0b0c0d0e0f",
        "probes": 3,
        "blocks": 0,
        "result": "ok",
        "request_id": "3f1c",
    }
    assert (second["action"], second["result"]) == ("denied", "AccessDeniedError")
    assert second["token"] is second["gallery_id"] is None


def test_events_are_printed_as_tables_for_people(command: Command) -> None:
    log(SEARCH, AuditEvent(Action.PURGE, time=SEARCH.time + DAY))

    done = command("audit")

    header, first, second = (line.split() for line in done.out.splitlines())
    assert header[:4] == ["time", "action", "token", "gallery"]
    assert first[1:] == ["search", "kiosk", "staff", "3", "0", "ok", "3f1c"]
    assert second[1:4] == ["purge", "-", "-"]
    assert "2 events" in done.err


def test_a_long_log_is_printed_whole(command: Command) -> None:
    log(*(AuditEvent(Action.READ, blocks=1, time=number) for number in range(1_203)))

    assert len(command("audit", "--json").records) == 1_203
    assert command("audit").out.count("read") == 1_203


def test_events_are_chosen_by_gallery_and_time(command: Command) -> None:
    now = datetime.now(UTC)
    ages = {"minute": 60, "hour": 3_600, "week": 7 * 86_400}
    log(
        *(
            AuditEvent(
                Action.SEARCH,
                gallery=name,
                time=int((now - timedelta(seconds=age + 30)).timestamp() * 1_000_000),
            )
            for name, age in ages.items()
        )
    )

    def galleries(*arguments: str) -> list[str]:
        return [record["gallery"] for record in command("audit", "--json", *arguments).records]

    assert galleries() == ["week", "hour", "minute"]
    assert galleries("--since", "2m") == ["minute"]
    assert galleries("--since", "2h") == ["hour", "minute"]
    assert galleries("--since", "999999w") == ["week", "hour", "minute"]
    assert galleries("--since", (now - timedelta(days=2)).date().isoformat()) == ["hour", "minute"]
    assert galleries("--since", now.isoformat()) == []
    assert galleries("--gallery", "hour") == ["hour"]
    assert galleries("--gallery", "nowhere") == []


@pytest.mark.parametrize("since", ["yesterday", "", "24"])
def test_other_words_for_a_time_are_refused(command: Command, since: str) -> None:
    done = command("audit", "--since", since)

    assert done.code == 2
    assert "12h" in done.err


def test_a_database_that_is_not_there_is_not_made(command: Command) -> None:
    assert command("audit").code == 30
    assert command("audit").code == 30
