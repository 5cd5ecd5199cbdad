"""The proxy of `deploy/nginx.conf`, in front of a server: what passes, and what is logged."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support import raw_http
from tests.support.certificates import make_certificate
from tests.support.deploy_files import DEPLOY
from tests.support.serving import serving

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")

NAME = "night-shift"
MAIN = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/start.log;
events {{ worker_connections 64; }}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/default.conf;
}}
"""


@dataclass(frozen=True)
class Proxy:
    """An nginx that runs, and who asks it."""

    client: httpx.Client
    trust: ssl.SSLContext


@contextmanager
def proxying(folder: Path, server_port: int) -> Iterator[Proxy]:
    """Run nginx with the file for its ``conf.d``; only places and ports are this machine's."""
    certificate = make_certificate(folder)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    changes = {
        "server server:8470;": f"server 127.0.0.1:{server_port};",
        "listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        "/var/log/nginx/": f"{folder}/",
        "/etc/nginx/tls/certificate.pem": str(certificate.certificate),
        "/etc/nginx/tls/key.pem": str(certificate.key),
    }
    whole = (DEPLOY / "nginx.conf").read_text("utf-8")
    for old, new in changes.items():
        assert old in whole, old
        whole = whole.replace(old, new)
    (folder / "default.conf").write_text(whole, "utf-8")
    (folder / "nginx.conf").write_text(MAIN.format(folder=folder), "utf-8")
    trust = ssl.create_default_context(cafile=certificate.certificate)
    running = subprocess.Popen(["nginx", "-p", folder, "-e", "start.log", "-c", "nginx.conf"])
    try:
        with httpx.Client(
            base_url=f"https://127.0.0.1:{port}",
            verify=trust,
            timeout=30,
        ) as client:
            for _ in range(100):
                if (folder / "nginx.pid").exists() or running.poll() is not None:
                    break
                time.sleep(0.05)
            assert running.poll() is None, (folder / "start.log").read_text("utf-8")
            yield Proxy(client, trust)
    finally:
        running.terminate()
        running.wait()


def answer_to_head(proxy: Proxy, head: bytes) -> int:
    """Return the status that is given for the head of a request alone."""
    with raw_http.connected(str(proxy.client.base_url), tls=proxy.trust) as end:
        end.sendall(head)
        return int(raw_http.rest(end).split()[1])


@dataclass(frozen=True)
class Story:
    """What a proxy answered while its server ran, and then when it did not, and what it logged."""

    up: dict[str, int]
    down: int
    access: list[dict[str, object]]
    logs: str


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Story:
    folder = tmp_path_factory.mktemp("proxy")
    address = f"/v1/descriptions/{NAME}"
    with ExitStack() as stack:
        server = stack.enter_context(serving(f"sqlite:///{folder}/gallery.db"))
        token = {"Authorization": f"Bearer {server.token('owner')}"}
        with proxying(folder, httpx.URL(server.url).port or 0) as proxy:
            asked = {
                "ready": proxy.client.get("/readyz"),
                "described": proxy.client.get("/v1/openapi.json"),
                "metrics": proxy.client.get("/metrics"),
                "unknown gallery": proxy.client.get(address, headers=token),
                "no token": proxy.client.get(address),
            }
            up = {name: answer.status_code for name, answer in asked.items()}
            head = raw_http.head("PUT", f"descriptions/{NAME}", "none", f"Content-Length: {2**28}")
            up["too large"] = answer_to_head(proxy, head)
            stack.close()
            down = proxy.client.get(address, headers=token).status_code
        access = [json.loads(line) for line in (folder / "access.log").read_text().splitlines()]
        logs = "".join(path.read_text("utf-8") for path in folder.glob("*.log"))
        return Story(up, down, access, logs)


def test_what_is_listed_is_reached_and_the_rest_is_not(story: Story) -> None:
    assert story.up == {
        "ready": 200,
        "described": 200,
        "metrics": 404,
        "unknown gallery": 404,
        "no token": 401,
        "too large": 413,
    }
    assert story.down == 502


def test_no_name_of_a_gallery_is_logged(story: Story) -> None:
    assert len(story.access) == len(story.up) + 1
    assert NAME not in story.logs


def test_the_log_tells_the_servers_answers_from_the_proxys(story: Story) -> None:
    told = [(line["status"], line["server_status"]) for line in story.access]

    assert told == [
        (200, "200"),
        (200, "200"),
        (404, ""),
        (404, "404"),
        (401, "401"),
        (413, ""),
        (502, "502"),
    ]
    assert [bool(line["request_id"]) for line in story.access][:2] == [True, True]
