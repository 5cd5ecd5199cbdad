"""``gallery audit``: what was done, for people and for programs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
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
        "count": 1,
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
    assert first[1:] == ["search", "kiosk", "staff", "3", "0", "1", "ok", "3f1c"]
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


def damage(statement: str) -> None:
    with closing(sqlite3.connect("gallery.db")) as connection, connection:
        connection.execute("DROP TRIGGER audit_no_delete")
        connection.execute(statement)


def test_a_whole_log_is_said_to_be_whole(command: Command) -> None:
    log(SEARCH, AuditEvent(Action.PURGE, time=SEARCH.time + DAY))

    shown, record = command("audit", "check"), command("audit", "check", "--json").records[0]

    assert shown.code == 0
    assert "2 rows, none missing or changed" in shown.err
    assert record | {"head": shown.out.strip()} == record
    assert (record["whole"], record["rows"], record["gaps"]) == (True, 2, [])
    assert command("audit", "check", "--head", record["head"]).code == 0


def test_a_gap_is_named_and_has_an_exit_code_of_its_own(command: Command) -> None:
    log(*(AuditEvent(Action.READ, blocks=i, time=SEARCH.time + i) for i in range(5)))
    damage("DELETE FROM audit WHERE event_id = 2")

    shown = command("audit", "check")
    done = command("audit", "check", "--json")

    assert shown.code == done.code == 41
    assert "row 3 of 2023-11-14" in shown.err
    assert "Traceback" not in shown.err
    (record,) = done.records
    assert (record["whole"], [gap["row"] for gap in record["gaps"]]) == (False, [3])


def test_rows_that_are_missing_at_the_end_show_by_the_digest_of_an_earlier_check(
    command: Command,
) -> None:
    log(SEARCH, SEARCH, SEARCH)
    head = command("audit", "check").out.strip()
    damage("DELETE FROM audit WHERE event_id = 3")

    assert command("audit", "check").code == 0
    done = command("audit", "check", "--head", head)
    assert done.code == 41
    assert "no row has the given digest" in done.err


def test_old_events_are_pruned_when_that_is_confirmed(command: Command) -> None:
    log(SEARCH, SEARCH, AuditEvent(Action.SEARCH, gallery="staff"))

    asked = command("audit", "prune", "--older-than", "90d")
    assert asked.code != 0
    assert len(command("audit", "--json").records) == 3
    done = command("audit", "prune", "--older-than", "90d", "--yes")

    assert (done.code, done.err) == (0, "events removed: 2\n")
    kept, pruned = command("audit", "--json").records
    assert (kept["action"], pruned["action"], pruned["count"]) == ("search", "prune", 2)
    assert command("audit", "check").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("erase",), "'erase' is not one of show, check, prune"),
        (("prune",), "--older-than 90d"),
        (("prune", "--since", "3d"), "--since is not for gallery audit prune"),
        (("prune", "--older-than", "3d", "--json"), "--json is not for"),
        (("check", "--older-than", "3d"), "--older-than is not for gallery audit check"),
        (("--head", "00" * 32), "--head is not for gallery audit show"),
        (("check", "--head", "00"), "64 hexadecimal digits"),
        (("prune", "--older-than", "soon"), "12h"),
    ],
)
def test_options_of_another_action_are_refused(
    command: Command, words: tuple[str, ...], said: str
) -> None:
    log(SEARCH)

    done = command("audit", *words)

    assert done.code == 2
    assert said in done.err
    assert len(command("audit", "--json").records) == 1
