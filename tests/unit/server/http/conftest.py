from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.messages import EncryptedProbe, GalleryDescription, SearchRequest
from gallery.parameters import STANDARD, find_parameters
from gallery.protocol import GalleryService
from gallery.server.gatekeeper import Scope
from gallery.server.http import ServerConfig
from gallery.store import AuditEvent, AuditStore, open_database
from tests.support.galleries import database, key, names, other_key, random_embeddings
from tests.support.raw_http import connected, head, rest
from tests.support.serving import Serving, serving

__all__ = ["connected", "database", "head", "key", "other_key", "rest"]


@dataclass(frozen=True)
class Galleries:
    """A server with the galleries of two tenants.

    Attributes
    ----------
    staff, guests
        Their descriptions; each gallery holds three references of 8 values.
    request
        A search in ``staff``, as bytes.
    tokens
        By scope, one for ``staff`` alone; and ``all``, an administrator's for every gallery.
    """

    server: Serving
    staff: GalleryDescription
    guests: GalleryDescription
    request: bytes
    tokens: dict[str, str]

    def ask(self, method: str, path: str, token: str = "all", **more: Any) -> httpx.Response:
        """Send a request with a token of that name."""
        headers = {"Authorization": f"Bearer {self.tokens[token]}"} | more.pop("headers", {})
        return httpx.request(
            method, f"{self.server.url}/v1/{path}", headers=headers, timeout=60, **more
        )

    def search(self, **more: Any) -> httpx.Response:
        """Search in ``staff``."""
        path = f"galleries/{self.staff.gallery_id.hex()}/search"
        return self.ask("POST", path, **{"content": self.request, **more})

    def events(self) -> list[AuditEvent]:
        """Return the audit log."""
        with open_database(self.server.database) as opened:
            return list(AuditStore(opened).read())


Prepare = Callable[..., AbstractContextManager[Galleries]]


@pytest.fixture
def prepare(tmp_path: Path, key: GalleryKey) -> Prepare:
    """Runs a server with limits of the test's own."""

    @contextmanager
    def prepared(**limits: Any) -> Iterator[Galleries]:
        config = ServerConfig(**{"cache_size": 2**24, **limits})
        with serving(f"sqlite:///{tmp_path}/gallery.db", config) as server:
            yield filled(server, key)

    return prepared


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, key: GalleryKey) -> Iterator[Galleries]:
    """A server for tests that leave the two galleries as they are."""
    folder = tmp_path_factory.mktemp("server")
    config = ServerConfig(cache_size=2**24, grace=2.0, rate="100000/minute", max_request=2**22)
    with serving(f"sqlite:///{folder}/gallery.db", config) as server:
        yield filled(server, key)


def filled(server: Serving, key: GalleryKey) -> Galleries:
    # Tokens come first: what the server does not know yet it looks for once in two seconds.
    tokens = {scope.value: server.token(scope.value, scope, "staff") for scope in Scope}
    tokens["all"] = server.token("all")
    with server.connected("setup") as service:
        made = [fill(service, key, name) for name in ("staff", "guests")]
        request = a_search(service, made[0])
    return Galleries(server, made[0], made[1], request, tokens)


def fill(service: GalleryService, key: GalleryKey, name: str) -> GalleryDescription:
    # Its answers are large enough to fill any buffer in between.
    with GalleryClient.create(service, key, name, dimension=8, parameters=STANDARD) as client:
        client.enroll(random_embeddings(3, 8), names(3))
        return client.description


def a_search(service: GalleryService, of: GalleryDescription, probes: int = 1) -> bytes:
    """Return a search for what fits: residues of the block serve as a probe as well as any."""
    columns = service.block(of.gallery_id, 0).columns
    if find_parameters(of.parameters).hint_shape is not None:
        columns = np.ascontiguousarray(columns[:, :, 0])  # of its first slice
    made = [
        EncryptedProbe(bytes([number]) * 16, of.key_id, of.parameters, of.dimension, columns)
        for number in range(probes)
    ]
    return SearchRequest(of.gallery_id, tuple(made), {}).to_bytes()


@contextmanager
def unread_search(
    galleries: Galleries, url: str | None = None, token: str = "all"
) -> Iterator[socket.socket]:
    """Send a search with an answer too large for any buffer in between, and do not read it."""
    body = SearchRequest.from_bytes(galleries.request)
    probes = tuple(
        EncryptedProbe(bytes([i]) * 16, one.key_id, one.parameters, 8, one.constants)
        for one in body.probes
        for i in range(64)
    )
    content = SearchRequest(body.gallery_id, probes, {}).to_bytes()
    path = f"galleries/{galleries.staff.gallery_id.hex()}/search"
    with connected(url or galleries.server.url, 4096) as end:
        length = f"Content-Length: {len(content)}"
        end.sendall(head("POST", path, galleries.tokens[token], length) + content)
        yield end


def logged(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return the server's own log records."""
    own = ("gallery.server", "gallery.web")
    lines = [item.getMessage() for item in caplog.records if item.name in own]
    return [json.loads(line) for line in lines]


@pytest.fixture(autouse=True)
def _everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
