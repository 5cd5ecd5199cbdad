"""`gallery serve` in a process of its own, for tests that look into it from outside or kill it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from gallery.client.transport import AccessToken, RemoteService
from gallery.server.gatekeeper import Scope, issue_token
from gallery.store import TokenStore, open_database
from gallery.web.tls import TlsFiles

CHECKOUT = Path(__file__).resolve().parents[2]
LONGEST_START_S = 120


@dataclass
class ServerProcess:
    """A server that runs.

    Attributes
    ----------
    process
        The process.
    port
        Where it listens on 127.0.0.1.
    log
        The file with its standard error.
    tls
        Its certificate and key, if it speaks TLS.
    """

    process: subprocess.Popen[bytes]
    port: int
    log: Path
    tls: TlsFiles | None = None

    @property
    def url(self) -> str:
        """Its address for clients."""
        return f"{'http' if self.tls is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def trust(self) -> ssl.SSLContext | bool:
        """What httpx is to trust."""
        return self.tls is None or ssl.create_default_context(cafile=str(self.tls.certificate))

    @property
    def records(self) -> list[dict[str, Any]]:
        """What it has logged, line by line; every line must be a JSON object."""
        return [json.loads(line) for line in self.log.read_text(encoding="utf-8").splitlines()]

    def stop(self) -> int:
        """Tell it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait()

    def kill(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()

    @contextmanager
    def connected(self, token: str) -> Iterator[RemoteService]:
        """Give a client's end of it."""
        service = RemoteService(self.url, AccessToken(token))
        try:
            yield service
        finally:
            service.close()


def make_token(database: str, name: str = "owner", scope: Scope = Scope.ADMIN) -> str:
    """Make a token for all galleries of a database, which is created if it is not there."""
    with open_database(database, create=True) as opened:
        return issue_token(TokenStore(opened), name, scope)


def start(
    database: str,
    log: Path,
    *options: str,
    port: int = 0,
    environment: Mapping[str, str] | None = None,
    tls: TlsFiles | None = None,
) -> ServerProcess:
    """Start a server and wait until it answers."""
    words = ["serve", "--database", database, "--port", str(port), *options]
    if tls is not None:
        words += ["--tls-cert", str(tls.certificate), "--tls-key", str(tls.key)]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, str(CHECKOUT / "cli.py"), *words],
            stderr=file,
            cwd=log.parent,
            env={**os.environ, **(environment or {})},
        )
    try:
        for _ in range(20 * LONGEST_START_S):
            assert process.poll() is None, f"the server ended: {log.read_text()}"
            with suppress(httpx.TransportError, StopIteration):
                server = ServerProcess(process, _port(log), log, tls)
                httpx.get(f"{server.url}/healthz", verify=server.trust).raise_for_status()
                return server
            time.sleep(0.05)
        raise AssertionError("the server does not answer")
    except BaseException:
        process.kill()
        process.wait()
        raise


@contextmanager
def running(
    database: str,
    log: Path,
    *options: str,
    environment: Mapping[str, str] | None = None,
    tls: TlsFiles | None = None,
) -> Iterator[ServerProcess]:
    """Run a server for the length of a test."""
    server = start(database, log, *options, environment=environment, tls=tls)
    try:
        yield server
    finally:
        server.kill()


def _port(log: Path) -> int:
    for line in log.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["event"] == "listening":
            return int(record["port"])
    raise StopIteration
