"""Details of people from a table, at the desk: looked at first, and then kept."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from gallery.client import PersonDetails
from tests.support.desks import Desk
from tests.support.galleries import random_embeddings

TABLE = "\ufeffName;id;team;expires\r\nAda;4711;;2999-01-31\r\nGrace;;night;\r\nNobody;1;;\r\n"


@pytest.fixture
def people(desk: Desk) -> Desk:
    """Ada, of whom something is known, and Grace."""
    with desk.state.owner.gallery("default") as opened:
        known = PersonDetails({"team": "day"})
        opened.client.enroll(random_embeddings(2, 8)[:1], ["Ada"], details=known)
        opened.client.enroll(random_embeddings(2, 8)[1:], ["Grace"])
    return desk


def details(desk: Desk) -> dict[str, PersonDetails]:
    with desk.state.owner.gallery("default") as opened:
        return {item.label: item.details for item in opened.client.people()}


def looked_at(browser: httpx.Client, table: bytes, **fields: str) -> httpx.Response:
    files = {"table": (r"C:\lists\staff.csv", table)}
    return browser.post("/g/0/people/table", files=files, data=fields)


def kept(browser: httpx.Client, shown: str) -> httpx.Response:
    """Press the button of a page that shows what would change."""
    fields = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', shown)
    sent = [(name, (None, html.unescape(value))) for name, value in fields]
    return browser.post("/g/0/people/table/keep", files=sent)


def test_a_table_is_looked_at_and_then_kept(people: Desk) -> None:
    browser, before = people.browser(), details(people)

    shown = looked_at(browser, TABLE.encode()).text
    assert details(people) == before
    done = kept(browser, shown)

    rows = re.findall(r"<tr><td>(.*)</td><td>(.*)</td><td>(.*)</td><td>(.*)</td></tr>", shown)
    assert rows == [
        ("Ada", "id", "nothing", "4711"),
        ("Ada", "No match from", "never", "2999-01-31"),
        ("Grace", "team", "nothing", "night"),
    ]
    assert "2 people would be changed." in shown
    assert "1 person of the table is not enrolled and is left out." in shown
    assert "<li>Nobody</li>" in shown
    assert "The details of 2 people were changed." in done.text
    assert details(people) == {
        "Ada": PersonDetails({"id": "4711", "team": "day"}, 32_474_736_000),
        "Grace": PersonDetails({"team": "night"}),
    }
    assert (
        "Everything that staff.csv says is so already." in looked_at(browser, TABLE.encode()).text
    )


def test_empty_fields_take_away_when_that_is_ticked(people: Desk) -> None:
    browser = people.browser()

    kept(browser, looked_at(browser, b"label,team\nAda,\n", unset_empty="on").text)

    assert details(people)["Ada"] == PersonDetails()


@pytest.mark.parametrize(
    ("table", "status", "told"),
    [
        (b"who,id\nAda,1\n", 422, "staff.csv, line 1: one column must have the title"),
        ("label,id\nAda,Zoë\n".encode("latin-1"), 422, "staff.csv is not text in UTF-8"),
        (b"label,expires\nAda,soon\n", 422, "staff.csv, line 2: the expiry"),
        (b"label,id\nAda," + b"x" * 2100, 422, "staff.csv, line 2: the attributes"),
        (b"x" * (2**19 + 1), 413, "A table may have at most 512 KiB"),
    ],
)
def test_what_is_no_table_is_told(people: Desk, table: bytes, status: int, told: str) -> None:
    before = details(people)

    answer = looked_at(people.browser(), table)

    assert answer.status_code == status
    assert told in html.unescape(answer.text)
    assert details(people) == before


def test_the_largest_table_comes_back_as_a_browser_sends_it(people: Desk) -> None:
    browser = people.browser()
    table = b"label,id\nAda,4711\n".ljust(2**19, b"\n")
    shown = looked_at(browser, table).text
    as_sent = shown.replace("\n\n", "\r\n\r\n")

    assert "The details of 1 person were changed." in kept(browser, as_sent).text
    assert details(people)["Ada"].attributes["id"] == "4711"


def test_a_table_must_be_chosen(people: Desk) -> None:
    answer = people.browser().post("/g/0/people/table", files={"table": ("", b"")})

    assert (answer.status_code, "Choose a table first" in answer.text) == (422, True)


def test_names_of_a_table_are_no_markup(people: Desk) -> None:
    shown = looked_at(people.browser(), b"label,<b>\nAda,<script>\n<i>,1\n").text

    assert "<td>&lt;script&gt;</td>" in shown
    assert not re.search(r"<b>|<i>|<script>", shown)
