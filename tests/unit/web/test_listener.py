"""The listener: addresses and certificates that cannot be used are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.errors import ServeError
from gallery.web.listener import listening, uvicorn_config
from gallery.web.tls import TlsFiles
from tests.support.certificates import make_certificate


def test_any_free_port_is_taken() -> None:
    with listening("127.0.0.1", 0) as first, listening("127.0.0.1", 0) as second:
        assert first.getsockname() != second.getsockname()


def test_a_port_that_is_taken_is_said() -> None:
    with listening("127.0.0.1", 0) as first:
        first.listen()
        port = first.getsockname()[1]
        with pytest.raises(ServeError, match=f"127.0.0.1 port {port}: Address already in use"):
            with listening("127.0.0.1", port):
                raise AssertionError("it cannot be taken twice")


@pytest.mark.parametrize("host", ["no.such.machine.invalid", "a" * 70, "192.0.2.1"])
def test_an_address_of_another_machine_is_said(host: str) -> None:
    with pytest.raises(ServeError, match="cannot listen on"):
        with listening(host, 0):
            raise AssertionError("it is no address of this machine")


def test_a_certificate_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    files = make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    other = make_certificate(tmp_path / "other")
    damaged = tmp_path / "damaged.pem"
    damaged.write_text("no certificate")

    for wrong in (
        TlsFiles(files.certificate, other.key),
        TlsFiles(damaged, files.key),
        TlsFiles(files.certificate, tmp_path / "missing.pem"),
    ):
        with pytest.raises(ServeError, match="give PEM files that belong together"):
            uvicorn_config(object(), wrong, shutdown=1)
