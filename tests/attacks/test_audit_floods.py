"""Floods of refused requests: they leave a few rows in the audit log, and their number."""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from gallery.server.denial_log import KINDS
from gallery.server.gatekeeper import Scope
from gallery.server.http import ServerConfig
from gallery.store import Action, AuditStore, TokenStore, open_database
from tests.support.serving import Serving, serving

FLOOD = 600
RATE = 400


def flood(server: Serving, token: str, paths: list[str]) -> Counter[int]:
    """Send requests from eight threads at once; return their statuses."""
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(headers=headers, timeout=60) as http, ThreadPoolExecutor(8) as threads:
        answers = threads.map(lambda path: http.get(f"{server.url}/v1/{path}"), paths)
        return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize("revoked", [True, False])
def test_refused_requests_are_counted_in_a_few_rows(tmp_path: Path, revoked: bool) -> None:
    database = f"sqlite:///{tmp_path}/gallery.db"
    with serving(database, ServerConfig(rate=f"{RATE}/minute")) as server:
        token = server.token("former", Scope.SEARCH, "staff")
        with open_database(database) as opened:
            if revoked:
                TokenStore(opened).revoke("former", int(time.time()))
            statuses = flood(server, token, [f"descriptions/g{i}" for i in range(FLOOD)])
            server.state.denials.close()
            events = list(AuditStore(opened).read())

    refused = 401 if revoked else 404
    assert statuses == {refused: RATE, 503: FLOOD - RATE}
    denied = [item for item in events if item.action is Action.DENIED]
    assert sum(item.count for item in denied) == RATE
    assert len(denied) <= (2 if revoked else KINDS + 2)
    assert {item.token_name for item in denied} == {"former"}
