"""Routes for operators: health, figures, logs, and nothing that is somebody's."""

from __future__ import annotations

import json
import re
import sqlite3
import ssl
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from gallery.server import EmbeddedService
from gallery.server.gatekeeper import Scope
from tests.support.certificates import make_certificate
from tests.support.counting import count_calls
from tests.support.serving import serving
from tests.unit.server.http.conftest import Galleries, Prepare, logged


def figures(galleries: Galleries) -> dict[str, float]:
    text = httpx.get(f"{galleries.server.url}/metrics").text
    return {
        "".join([sample.name, *(f" {value}" for value in sample.labels.values())]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize("path", ["healthz", "readyz"])
def test_a_server_that_works_says_so_to_everybody(shared: Galleries, path: str) -> None:
    answer = httpx.get(f"{shared.server.url}/{path}")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_server_without_its_database_is_alive_and_not_ready(
    prepare: Prepare, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with prepare() as galleries:
        with closing(sqlite3.connect(tmp_path / "gallery.db")) as connection, connection:
            connection.execute("ALTER TABLE gallery RENAME TO gone")
        alive, ready = (
            httpx.get(f"{galleries.server.url}/{path}") for path in ("healthz", "readyz")
        )
        listed = galleries.ask("GET", "galleries")

    assert alive.status_code == 200
    assert ready.status_code == listed.status_code == 503
    assert ready.json()["detail"] == "the server's database failed; its log says how"
    assert "gallery" in next(item["reason"] for item in logged(caplog) if item["event"] == "failed")


def test_a_server_that_is_told_to_stop_is_not_ready(prepare: Prepare) -> None:
    with prepare() as galleries:
        galleries.server.state.stopping = True
        alive, ready = (
            httpx.get(f"{galleries.server.url}/{path}") for path in ("healthz", "readyz")
        )
        search, read = galleries.search(), galleries.ask("GET", "galleries")

    assert (alive.status_code, ready.status_code) == (200, 503)
    assert (search.status_code, read.status_code) == (503, 200)


def test_figures_count_what_is_done(shared: Galleries) -> None:
    before = figures(shared)
    assert shared.search().status_code == 200
    assert shared.ask("GET", "galleries", "search").status_code == 200
    after = figures(shared)

    grown = {name for name in after if after[name] > before.get(name, 0)}
    assert {
        "gallery_searches_total",
        "gallery_probes_total",
        "gallery_templates_scanned_total",
        "gallery_search_seconds_count",
    } <= grown
    assert any(
        re.fullmatch("gallery_http_requests_total POST .*search 200", item) for item in grown
    )
    assert any(
        re.fullmatch("gallery_http_requests_total GET .*galleries 200", item) for item in grown
    )
    assert after["gallery_block_cache_budget_bytes"] == 2**24


def test_figures_name_no_gallery_and_no_token(shared: Galleries) -> None:
    shared.search(token="search")
    shared.ask("GET", "descriptions/staff", "admin")
    shared.ask("GET", "no/such/address", "admin")
    shared.ask("POKE", "galleries", "admin")
    text = httpx.get(f"{shared.server.url}/metrics").text

    gallery_ids = (shared.staff.gallery_id.hex(), shared.guests.gallery_id.hex())
    for private in ("staff", "guests", *gallery_ids, *shared.tokens.values(), "POKE", "no/such"):
        assert private not in text


def test_logs_name_the_request_and_hold_no_token_and_no_body(
    shared: Galleries, caplog: pytest.LogCaptureFixture
) -> None:
    shared.search(token="search", headers={"X-Request-ID": "one.2-3_x"})
    shared.ask("GET", "galleries?token=in-the-query", "search")
    httpx.get(f"{shared.server.url}/v1/galleries", headers={"Authorization": "Bearer made-up"})

    records = logged(caplog)
    text = json.dumps(records)

    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", item["request_id"]) for item in records)
    (search,) = (item for item in records if item["request_id"] == "one.2-3_x")
    assert (search["event"], search["method"], search["status"]) == ("request", "POST", 200)
    assert search["gallery"] == shared.staff.gallery_id.hex()
    assert search["token"] == "search"
    assert search["bytes_in"] == len(shared.request)
    assert search["bytes_out"] > 100_000
    assert ("refused", "malformed") in [(i["event"], i.get("reason")) for i in records]
    for private in (*shared.tokens.values(), "in-the-query", "made-up", "127.0.0.1"):
        assert private not in text
    assert all(len(json.dumps(item)) < 1000 for item in records)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("abc-123", True),
        ("A" * 64, True),
        ("A" * 65, False),
        ("", False),
        ("two words", False),
        ('"};{"', False),
        ("ü", False),
    ],
)
def test_a_plain_request_identifier_comes_back_and_another_is_replaced(
    shared: Galleries, given: str, kept: bool
) -> None:
    headers = {b"X-Request-ID": given.encode()}
    answer = httpx.get(f"{shared.server.url}/healthz", headers=headers)

    found = answer.headers["x-request-id"]
    assert (found == given) == kept
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", found)


def test_errors_carry_the_identifier_too_and_nothing_is_cached(shared: Galleries) -> None:
    answer = shared.ask("GET", "descriptions/nobody", headers={"X-Request-ID": "lost"})

    assert (answer.status_code, answer.headers["x-request-id"]) == (404, "lost")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["status"] == 404


@pytest.mark.parametrize("path", ["readyz", "metrics"])
def test_a_server_that_speaks_tls_itself_asks_for_a_token(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    """No proxy stands before it that would keep others away."""
    files = make_certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(files.certificate))
    with serving(f"sqlite:///{tmp_path}/gallery.db", tls=files) as server:
        token = server.token("prometheus", Scope.SEARCH, "no-gallery")
        alive = httpx.get(f"{server.url}/healthz", verify=trust)
        answers = [
            httpx.get(f"{server.url}/{path}", verify=trust, headers=headers)
            for headers in (
                {},
                {"Authorization": "Bearer made-up"},
                {"Authorization": f"Bearer {token}"},
            )
        ]

    assert alive.status_code == 200
    assert [answer.status_code for answer in answers] == [401, 401, 200]


def test_the_database_is_asked_for_readiness_at_most_once_a_second(
    shared: Galleries, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = count_calls(monkeypatch, EmbeddedService, "gallery_names")
    for _ in range(20):
        assert httpx.get(f"{shared.server.url}/readyz").status_code == 200

    assert len(calls) < 15
