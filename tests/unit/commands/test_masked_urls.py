"""No command prints the password of a URL, whether it succeeds, fails or is called wrongly."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import create_engine, make_url, text

from gallery.server import open_service
from tests.support.command_line import command_named, command_names
from tests.support.postgresql import postgresql, postgresql_server
from tests.support.server_process import make_token, running
from tests.support.serving import serving
from tests.unit.commands.conftest import Command

__all__ = ["postgresql", "postgresql_server"]

ARGUMENTS = {
    "enroll": ("people.npz",),
    "identify": ("people.npz", "--threshold", "0.1"),
    "remove": ("person 1", "--yes"),
    "export": ("copy.backup",),
    "import": ("people.npz",),
    "rekey": ("--new-key", "new.key", "--yes"),
    "evaluate": ("people.npz",),
    "calibrate": ("people.npz",),
    "token create": ("--name", "kiosk", "--scope", "search"),
    "token revoke": ("kiosk",),
}
"""What commands need besides a database."""

NAMES = list(command_names())
SECRETS = ("S3", "cret")

DATABASES = [
    "postgresql+psycopg://owner:S3cret@127.0.0.1:9/faces",
    "postgresql+psycopg://owner:S3@cret@127.0.0.1:9/faces",
    "postgresql+psycopg://owner:S3/cr@cret@127.0.0.1:9/faces",
    "postgresql+psycopg://owner@127.0.0.1:9/faces?password=S3cret",
    "postgresql+psycopg://owner@127.0.0.1:9/faces?connect_timeout=1&passwort=S3cret",
    "postgresql+psycopg://owner:S3cret/faces",
    "postgresql://owner:S3cret@127.0.0.1:9/faces",
    "postgresql+asyncpg://owner:S3cret@127.0.0.1:9/faces",
    "postgres://owner:S3cret@127.0.0.1:9/faces",
    "nosuchdatabase://owner:S3cret@127.0.0.1:9/faces",
    "sqlite://owner:S3cret@127.0.0.1/faces",
    "sqlite:///gallery.db?password=S3cret",
    "sqlite:///file:gallery.db?uri=true&key=S3cret",
    "postgresql+psycopg://owner%3AS3cret@127.0.0.1:9/faces",
    "postgresql+psycopg://127.0.0.1:9/faces?user=owner;password=S3cret",
    "owner:S3cret@127.0.0.1",
]
SERVERS = [
    "https://owner:S3cret@127.0.0.1:9",
    "https://owner:S3@cret@127.0.0.1:9",
    "https://owner:S3/cret@127.0.0.1:9",
    "http://owner:S3cret@faces.invalid",
    "https://S3cret@127.0.0.1:9",
    "https://127.0.0.1:9/?token=S3cret",
    "ftp://owner:S3cret@127.0.0.1:9",
]


FEW = ("init", "info", "migrate", "serve", "token list")
"""Commands of each kind, which stand for all where the URL is of a rarer form."""


@pytest.fixture
def ready(command: Command, people: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A key, and a file of embeddings."""
    assert command("key", "new", "--no-passphrase").code == 0
    monkeypatch.delenv("GALLERY_PASSPHRASE")
    for name in ("GALLERY_SERVER", "GALLERY_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    return command


def check(ready: Command, *words: str, fails: bool = True) -> str:
    done = ready(*words)
    said = done.out + done.err
    # A token that was made is random, and may hold any two letters.
    without_tokens = re.sub(r"\bef[dg]_[0-9a-f]{16}_[\w-]{43}", "", said)
    assert not any(secret in without_tokens for secret in SECRETS), words
    assert done.code not in (70, 130), (words, said)
    assert (done.code != 0) is fails, (words, said)
    return said


def takes(name: str, option: str) -> bool:
    return any(option in item.opts for item in command_named(name).params)


@pytest.mark.parametrize("url", DATABASES)
def test_no_command_that_fails_prints_a_databases_password(
    ready: Command, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = NAMES if url in DATABASES[:3] else FEW
    for name in filter(lambda name: takes(name, "--database"), names):
        check(ready, *name.split(), *ARGUMENTS.get(name, ()), "--database", url)
    monkeypatch.setenv("GALLERY_DATABASE", url)
    check(ready, "info")


@pytest.mark.parametrize("token", ["", "efg_" + "0" * 16 + "_" + "A" * 43])
@pytest.mark.parametrize("url", SERVERS)
def test_no_command_that_fails_prints_a_servers_password(
    ready: Command, url: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_TOKEN", token)
    names = NAMES if url in SERVERS[:2] else FEW
    for name in filter(lambda name: takes(name, "--server"), names):
        if not (name == "import" and token):
            check(ready, *name.split(), *ARGUMENTS.get(name, ()), "--server", url)
    monkeypatch.setenv("GALLERY_SERVER", url)
    check(ready, "info")


@pytest.mark.parametrize("proxy", ["http://owner:S3@cret@127.0.0.1:9", "owner:S3cret@127.0.0.1:9"])
def test_no_command_prints_a_proxys_password(
    ready: Command, proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_TOKEN", "efg_" + "0" * 16 + "_" + "A" * 43)
    monkeypatch.setattr("gallery.client.transport.http_connection._RETRY_SECONDS", 0.1)
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy)

    check(ready, "galleries", "--server", "https://faces.invalid")


@pytest.mark.parametrize("url", ["postgresql+psycopg://owner:S3@ cret@127.0.0.1/x", SERVERS[0]])
def test_no_command_that_is_called_wrongly_prints_a_password(ready: Command, url: str) -> None:
    for name in NAMES:
        check(ready, *name.split(), "one", "two", url)
        check(ready, *name.split(), f"--nonsense={url}")


@pytest.mark.parametrize(
    "address", ["tcp://owner:S3cret@127.0.0.1:9", "tls://owner:S3@cret@127.0.0.1:9", "S3cret@host"]
)
def test_the_address_of_a_cluster_is_refused_if_it_holds_a_password(
    ready: Command, address: str
) -> None:
    files = ("--cluster-ca", "--cluster-cert", "--cluster-key") if "tls:" in address else ()
    options = [word for option in files for word in (option, "people.npz")]
    said = check(ready, "serve", "--cluster", address, *options)

    assert "no user and no password" in said


@pytest.mark.parametrize("in_query", [False, True])
def test_no_command_that_succeeds_prints_a_databases_password(
    ready: Command, postgresql: str, monkeypatch: pytest.MonkeyPatch, in_query: bool
) -> None:
    # The server that tests start asks for no password, and takes any.
    plain = make_url(postgresql)
    if in_query:
        url = plain.update_query_dict({"password": "S3cret"})
    else:
        url = plain.set(password="S3cret")
    monkeypatch.setenv("GALLERY_DATABASE", url.render_as_string(hide_password=False))

    made = check(ready, "init", "--dimension", "16", "--parameters", "light", fails=False)
    assert "***" in made
    for line in (
        "enroll people.npz --verbose",
        "identify people.npz --threshold 0.1 --verbose",
        "info --verbose",
        "list",
        "remove person_1 --yes",
        "compact",
        "verify --deep",
        "export copy.backup",
        "migrate",
        "token create --name kiosk --scope search",
        "token list",
        "token revoke kiosk",
        "audit",
        "audit check",
        "audit prune --older-than 0m --yes",
        "galleries",
    ):
        words = [word.replace("_", " ") for word in line.split()]
        check(ready, *words, fails=False)
    with open_service(url.render_as_string(hide_password=False)) as service:
        service.delete(service.describe("default").gallery_id)
    assert "***" in check(ready, "import", "copy.backup", fails=False)


def test_no_server_whose_database_fails_logs_its_password(postgresql: str, tmp_path: Path) -> None:
    token = make_token(postgresql)
    url = make_url(postgresql).set(password="S3cret")
    url = url.update_query_dict({"sslpassword": "S3cret", "application_name": "gallery"})
    engine = create_engine(postgresql, isolation_level="AUTOCOMMIT")
    headers = {"Authorization": f"Bearer {token}"}
    with running(url.render_as_string(hide_password=False), tmp_path / "log") as server:

        def ask(path: str) -> int:
            return httpx.get(f"{server.url}/{path}", headers=headers, timeout=60).status_code

        assert ask("v1/galleries") == 200
        with engine.connect() as connection:
            connection.execute(text("ALTER TABLE gallery RENAME TO gone"))
        assert ask("v1/galleries") == 503
        code, said = server.stop(), server.log.read_text()
    engine.dispose()

    assert code == 0
    assert '"failed"' in said
    assert not any(secret in said for secret in SECRETS)


def test_a_traceback_in_a_servers_log_shows_no_password() -> None:
    url = "postgresql://owner:S3cret@db/faces?sslpassword=S3cret"
    program = (
        "import logging, sys\n"
        "from gallery.web.logs import configure_logging\n"
        "configure_logging()\n"
        "try:\n"
        "    raise ValueError('cannot open ' + sys.argv[1])\n"
        "except ValueError:\n"
        "    logging.getLogger('uvicorn.error').exception('failed with %s', sys.argv[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, url], capture_output=True, text=True, check=True
    )

    (found,) = json.loads(done.stderr)["exception"]
    assert found["exc_value"].startswith("cannot open postgresql://")
    assert "***" in found["exc_value"]
    assert not any(secret in done.stderr for secret in SECRETS)


def test_no_server_logs_its_databases_password(
    postgresql: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    url = make_url(postgresql).set(password="S3cret").render_as_string(hide_password=False)

    with serving(url) as server, server.connected("owner") as service:
        assert service.gallery_names() == []

    assert not any(secret in caplog.text for secret in SECRETS)
