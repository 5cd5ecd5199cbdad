"""Connections that end before all that was asked on them is answered."""

from __future__ import annotations

import logging
import ssl
import time
from pathlib import Path

import pytest

from gallery.server.gatekeeper import Scope
from tests.support.certificates import make_certificate
from tests.support.raw_http import connected, head, rest
from tests.support.serving import serving


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "TLS"])
def test_a_client_that_is_gone_is_no_error_of_the_server(
    encrypted: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    files = make_certificate(tmp_path) if encrypted else None
    trust = ssl.create_default_context(cafile=str(files.certificate)) if files else None
    with serving(f"sqlite:///{tmp_path}/gallery.db", tls=files) as server:
        token = server.token("kiosk", Scope.SEARCH)
        chunked = head("POST", "galleries", token, "Transfer-Encoding: chunked")
        several = head("GET", "galleries", token) * 12
        for said, waits in ((chunked + b"zz\r\n", True), (several, False), (several + b"\0", True)):
            for _ in range(20):
                with connected(server.url, tls=trust) as end:
                    end.sendall(said)
                    if waits:
                        rest(end)
        while server.gate is not None and server.gate.open:
            time.sleep(0.01)

    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
