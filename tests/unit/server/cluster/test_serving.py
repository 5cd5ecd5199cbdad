"""`gallery serve --cluster`, and a cluster that speaks TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from distributed import LocalCluster, Security

from gallery.client import GalleryClient, GalleryKey
from gallery.commands.main import run
from gallery.errors import ServerBusyError, ServerError
from gallery.server import ClusterAddress, open_service
from tests.support import server_process
from tests.support.certificates import make_certificate
from tests.support.galleries import names, random_embeddings
from tests.support.searching import request_of, search
from tests.unit.server.cluster.workers import Workers


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    made = make_certificate(tmp_path_factory.mktemp("tls"))
    return made.certificate, made.key


@pytest.fixture
def tls_scheduler(files: tuple[Path, Path]) -> Iterator[str]:
    """The address of a scheduler that demands certificates; it has no workers."""
    certificate, key = map(str, files)
    security = Security(
        require_encryption=True,
        tls_ca_file=certificate,
        tls_scheduler_cert=certificate,
        tls_scheduler_key=key,
        tls_client_cert=certificate,
        tls_client_key=key,
    )
    with LocalCluster(
        n_workers=0, dashboard_address="127.0.0.1:0", protocol="tls://", security=security
    ) as scheduler:
        yield scheduler.scheduler_address


def test_a_server_searches_on_a_cluster(
    crew: Workers, database: str, key: GalleryKey, tmp_path: Path
) -> None:
    token = server_process.make_token(database)
    embeddings = random_embeddings(3, 8)
    log = tmp_path / "server.log"
    with server_process.running(database, log, "--cluster", crew.address) as server:
        with server.connected(token) as service:
            with GalleryClient.create(service, key, dimension=8) as client:
                client.enroll(embeddings, names(3))

                found = client.identify(embeddings, threshold=1e-6)

        assert server.records[0]["event"] == "listening"
    assert found.decisions.all()


def test_a_cluster_with_tls_takes_who_has_a_certificate(
    tls_scheduler: str, files: tuple[Path, Path], url: str
) -> None:
    certificate, key = files
    address = ClusterAddress(tls_scheduler, certificate, certificate, key)

    with open_service(url, cluster=address) as service:
        with pytest.raises(ServerBusyError, match="has no workers"):
            search(service, request_of(1))


def test_it_takes_nobody_else(tls_scheduler: str, url: str) -> None:
    with pytest.raises(ServerError, match="cannot reach the scheduler"):
        with open_service(url, cluster=tls_scheduler):
            pass


@pytest.mark.parametrize(
    "options",
    [
        ["--cluster", "tls://127.0.0.1:1"],
        ["--cluster", "tcp://127.0.0.1:1", "--cluster-ca", __file__],
        ["--cluster-ca", __file__],
        ["--plain-cluster"],
    ],
)
def test_options_that_do_not_belong_together_are_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *options]) == 2
    assert "--cluster" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("address", "refused"),
    [
        ("tcp://10.1.2.3:8786", True),
        ("tcp://scheduler.example.org:8786", True),
        ("tcp://[fe80::1]:8786", True),
        ("tcp://0.0.0.0:8786", True),
        ("10.1.2.3:8786", True),
        ("ws://127.0.0.1:8786", True),
        ("tcp://", True),
        ("tcp://[::1:8786", True),
        ("tcp://127.0.0.1:8786", False),
        ("tcp://localhost:8786", False),
        ("tcp://[::1]:8786", False),
        ("tls://10.1.2.3:8786", False),
    ],
)
def test_a_cluster_on_other_machines_needs_tls(address: str, refused: bool) -> None:
    if not refused:
        ClusterAddress(address)
        return
    with pytest.raises(ServerError):
        ClusterAddress(address)


def test_workers_on_other_machines_need_tls_too() -> None:
    ClusterAddress("tcp://127.0.0.1:8786").check_reach("tcp://127.0.0.1:40001")
    ClusterAddress("tcp://127.0.0.1:8786", plain_tcp=True).check_reach("tcp://10.1.2.3:40001")
    with pytest.raises(ServerError, match="run programs"):
        ClusterAddress("tcp://127.0.0.1:8786").check_reach("tcp://10.1.2.3:40001")


def test_the_command_says_how_such_a_cluster_is_meant(
    capsys: pytest.CaptureFixture[str], database: str
) -> None:
    options = ["serve", "--database", database, "--cluster", "tcp://10.1.2.3:8786"]

    assert run(options) == ServerError.exit_code
    said = capsys.readouterr().err
    assert "--plain-cluster" in said
    assert "--cluster-ca" in said
