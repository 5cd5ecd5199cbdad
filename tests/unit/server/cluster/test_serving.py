"""`gallery serve --cluster`, and a cluster that speaks TLS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from distributed import LocalCluster, Security

from gallery.client import GalleryClient, GalleryKey
from gallery.commands.main import run
from gallery.errors import ServerBusyError, ServerError
from gallery.server import ClusterAddress, open_service
from tests.support import server_process
from tests.support.galleries import names, random_embeddings
from tests.support.searching import request_of, search
from tests.unit.server.cluster.workers import Workers


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate that vouches for itself, and its key."""
    folder = tmp_path_factory.mktemp("tls")
    secret = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(secret.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(secret, hashes.SHA256())
    )
    certificate, key = folder / "cert.pem", folder / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return certificate, key


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
    ],
)
def test_options_that_do_not_belong_together_are_refused(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", *options]) == 2
    assert "--cluster" in capsys.readouterr().err
