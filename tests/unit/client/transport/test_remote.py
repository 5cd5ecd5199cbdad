"""A server reached over a network that breaks, and one that answers what it should not."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey, renew_gallery
from gallery.client.integrity.authentication import Authenticator
from gallery.client.transport import AccessToken, RemoteService, http_connection
from gallery.errors import (
    AccessDeniedError,
    ErasurePendingError,
    GalleryError,
    GalleryNotFoundError,
    IntegrityError,
    MalformedMessageError,
    ServerBusyError,
    ServerError,
    WriteConflictError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import (
    Failure,
    GalleryDescription,
    GalleryNames,
    SearchRequest,
    SearchResult,
)
from gallery.messages.stream import framed
from gallery.protocol import SearchObserver
from gallery.server.gatekeeper import Scope
from gallery.store import Database
from gallery.web.tls import TlsFiles
from tests.support.answering import TOKEN, answering, response
from tests.support.certificates import make_certificate
from tests.support.galleries import names, random_embeddings
from tests.support.relay import Cut, Relay, relaying
from tests.support.serving import Serving, serving


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", 1.0)


# --- a network that breaks ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(f"sqlite:///{tmp_path_factory.mktemp('server')}/gallery.db") as opened:
        yield opened


@pytest.fixture(scope="module")
def token(server: Serving) -> str:
    return server.token("owner")


@pytest.fixture
def relay(server: Serving) -> Iterator[Relay]:
    with relaying(server.url) as opened:
        yield opened


@pytest.fixture
def service(relay: Relay, token: str) -> Iterator[RemoteService]:
    opened = RemoteService(relay.url, AccessToken(token))
    yield opened
    opened.close()


@pytest.fixture
def gallery(
    service: RemoteService, key: GalleryKey, request: pytest.FixtureRequest
) -> Iterator[GalleryClient]:
    """A gallery of the test's own, with three references."""
    with GalleryClient.create(service, key, request.node.name, dimension=8) as client:
        client.enroll(random_embeddings(3, 8), names(3))
        yield client


CUTS = [
    pytest.param(0, 0, id="before anything is sent"),
    pytest.param(200_000, 0, id="during the upload"),
    pytest.param(None, 0, id="when it is done and before the answer"),
    pytest.param(None, 20, id="within the answer"),
]


@pytest.mark.parametrize(("sent", "received"), CUTS)
@pytest.mark.parametrize("times", [1, 2])
def test_an_enrollment_is_neither_lost_nor_done_twice(
    gallery: GalleryClient, relay: Relay, sent: int | None, received: int, times: int
) -> None:
    relay.cuts += [Cut(b"/updates", sent, received)] * times
    before = gallery.summary().version

    done = gallery.enroll(random_embeddings(1, 8, seed=7), ["Ada"])

    assert relay.cuts == []
    assert done.added.all()
    assert [item.label for item in gallery.references()] == [*names(3), "Ada"]
    assert gallery.summary().version == before + 1
    assert gallery.verify(deep=True).findings == ()


@pytest.mark.parametrize(("sent", "received"), [*CUTS, pytest.param(None, 50_000, id="later")])
def test_a_search_is_asked_again_until_its_answer_is_whole(
    gallery: GalleryClient, relay: Relay, sent: int | None, received: int
) -> None:
    relay.cuts += [Cut(b"/search", sent, received)]

    found = gallery.identify(random_embeddings(3, 8), threshold=0.01)

    assert relay.cuts == []
    assert [*found.labels[:, 0]] == names(3)


@pytest.mark.parametrize(("sent", "received"), CUTS)
def test_a_gallery_is_made_once(
    service: RemoteService, key: GalleryKey, relay: Relay, sent: int | None, received: int
) -> None:
    name = f"made {sent} {received}"
    relay.cuts += [Cut(b"POST /v1/galleries ", min(sent, 100) if sent else sent, received)]

    GalleryClient.create(service, key, name, dimension=2).close()

    assert relay.cuts == []
    assert service.gallery_names().count(name) == 1


def described(gallery: GalleryClient, key: GalleryKey, calibration: bytes) -> GalleryDescription:
    """Return a gallery's description with another calibration."""
    changed = replace(gallery.description, calibration=calibration)
    return Authenticator(key, changed.gallery_id).sign(changed)


# Of a change that carries little, so little is sent when its connection is cut.
SMALL_CUTS = [
    pytest.param(0, 0, id="before anything is sent"),
    pytest.param(30, 0, id="within the request"),
    pytest.param(None, 0, id="when it is done and before the answer"),
    pytest.param(None, 20, id="within the answer"),
]


@pytest.mark.parametrize(("sent", "received"), SMALL_CUTS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_gallery_is_deleted_though_connections_break(
    gallery: GalleryClient,
    service: RemoteService,
    relay: Relay,
    sent: int | None,
    received: int,
    times: int,
) -> None:
    relay.cuts += [Cut(b"DELETE ", sent, received)] * times
    gallery_id = gallery.description.gallery_id

    service.delete(gallery_id)

    assert relay.cuts == []
    with pytest.raises(GalleryNotFoundError):
        service.manifest(gallery_id)


def test_a_deletion_whose_answer_is_lost_is_not_done_before_traces_are_gone(
    gallery: GalleryClient,
    service: RemoteService,
    relay: Relay,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    outcomes = [ErasurePendingError("others are reading")] * 2
    real = Database.purge

    def purge(database: Database) -> None:
        if outcomes:
            raise outcomes.pop()
        real(database)

    monkeypatch.setattr(Database, "purge", purge)
    relay.cuts += [Cut(b"DELETE ")]

    with pytest.raises(ErasurePendingError):
        service.delete(gallery.description.gallery_id)

    assert (relay.cuts, outcomes) == ([], [])


def test_a_gallery_that_is_not_there_is_an_error_at_the_first_try(
    service: RemoteService, relay: Relay
) -> None:
    with pytest.raises(GalleryNotFoundError):
        service.delete(bytes(16))

    assert sum(b"DELETE " in item.request for item in relay.exchanges) == 1


@pytest.mark.parametrize(("sent", "received"), SMALL_CUTS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_description_is_updated_though_connections_break(
    gallery: GalleryClient,
    service: RemoteService,
    key: GalleryKey,
    relay: Relay,
    sent: int | None,
    received: int,
    times: int,
) -> None:
    relay.cuts += [Cut(b"/description ", sent, received)] * times
    updated = described(gallery, key, b"sealed")

    service.update_description(gallery.description.mac, updated)

    assert relay.cuts == []
    assert service.describe(updated.name) == updated


@pytest.mark.parametrize(("sent", "received"), SMALL_CUTS)
@pytest.mark.parametrize("times", [1, 2])
def test_a_gallery_is_replaced_though_connections_break(
    gallery: GalleryClient,
    service: RemoteService,
    key: GalleryKey,
    relay: Relay,
    sent: int | None,
    received: int,
    times: int,
) -> None:
    relay.cuts += [Cut(b"/replacement ", sent, received)] * times
    name, former = gallery.description.name, gallery.description.gallery_id
    successor = GalleryKey.generate()

    renewed = renew_gallery(service, key, successor, name)

    assert relay.cuts == []
    assert renewed.references == 3
    with pytest.raises(GalleryNotFoundError):
        service.manifest(former)
    with GalleryClient(service, successor, name) as client:
        assert sorted(item.label for item in client.references()) == names(3)


def test_what_another_has_changed_first_is_not_taken_for_ours(
    gallery: GalleryClient, service: RemoteService, key: GalleryKey, server: Serving, relay: Relay
) -> None:
    former = gallery.description
    ours, theirs = described(gallery, key, b"ours"), described(gallery, key, b"theirs")
    server.state.service.update_description(former.mac, theirs)
    relay.cuts += [Cut(b"/description ", 0)]

    with pytest.raises(WriteConflictError):
        service.update_description(former.mac, ours)

    assert relay.cuts == []
    assert service.describe(former.name) == theirs


def test_a_connection_that_breaks_again_and_again_is_an_error(
    gallery: GalleryClient, relay: Relay
) -> None:
    relay.cuts += [Cut(b"/search")] * 1000

    with pytest.raises(ServerError, match="try again"):
        gallery.identify(random_embeddings(1, 8), threshold=0.01)

    assert 2 <= sum(b"/search" in item.request for item in relay.exchanges) < 100


# --- a server that answers what it should not -----------------------------------------------------


ODD_ANSWERS = [
    response(b""),
    response(b"<html>Welcome</html>"),
    response(b"x" * 100_000),
    response(b"", "302 Found", "Location: http://elsewhere.example/"),
    response(b"<html>", "404 Not Found"),
    response(b"[]", "400 Bad Request"),
    response(b"[" * 60_000, "400 Bad Request"),
    response(b"\xff\xfe", "500 Internal Server Error"),
    response(b'{"title": 1}', "500 Internal Server Error"),
    response(b"no gzip", "500 Internal Server Error", "Content-Encoding: gzip"),
    response(b"no gzip", "200 OK", "Content-Encoding: gzip"),
    response(b'{"title": "WrongPassphraseError", "detail": "no"}', "401 Unauthorized"),
    b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
    b"HTTP/1.1 999 \r\n\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"\0" * 50,
]


@pytest.mark.parametrize("answer", ODD_ANSWERS, ids=range(len(ODD_ANSWERS)))
@pytest.mark.parametrize(
    "ask",
    [lambda service: service.gallery_names(), lambda service: service.manifest(bytes(16))],
    ids=["names", "manifest"],
)
def test_an_odd_answer_is_an_error_with_a_reason(
    answer: bytes, ask: Callable[[RemoteService], object]
) -> None:
    with answering(answer) as service:
        with pytest.raises((ServerError, MalformedMessageError)) as caught:
            ask(service)

    assert TOKEN not in str(caught.value)
    assert str(caught.value)


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("PATCH", 405)])
def test_a_server_that_has_no_check_sums_yet_is_said_to_be_older(
    server: Serving, method: str, status: int
) -> None:
    path = "what-a-later-version-has" if status == 404 else "galleries"
    unknown = httpx.request(method, f"{server.url}/v1/{path}")
    assert unknown.status_code == status

    line = f"{status} {unknown.reason_phrase}"
    with answering(response(unknown.content, line)) as service:
        with pytest.raises(ServerError, match="older than this program"):
            service.check_sums(bytes(16))


def test_what_an_error_says_cannot_steer_a_terminal() -> None:
    body = b'{"title": "ServerError", "detail": "\\u001b[2J\\u0007 gone"}'
    with answering(response(body, "500 Internal Server Error")) as service:
        with pytest.raises(ServerError) as caught:
            service.gallery_names()

    assert str(caught.value).isprintable()


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable"])
def test_a_proxy_without_its_server_is_asked_again(status: str) -> None:
    message = GalleryNames(("guests", "staff")).to_bytes()
    with answering(response(b"<html>", status), response(message)) as service:
        assert service.gallery_names() == ["guests", "staff"]

    with answering(response(b"<html>", status)) as service:
        with pytest.raises(ServerBusyError):
            service.gallery_names()


def search_answer(reader: GalleryClient, relay: Relay) -> bytes:
    """Return the body of a whole answer to a search."""
    reader.identify(random_embeddings(1, 8), threshold=0.01)
    answer = bytes(relay.exchanges[-1].answer).partition(b"\r\n\r\n")[2]
    body = bytearray()
    while (size := int(answer.partition(b"\r\n")[0], 16)) > 0:
        answer = answer.partition(b"\r\n")[2]
        body += answer[:size]
        answer = answer[size + 2 :]
    return bytes(body)


class SearchElsewhere(ForwardingService):
    """A service whose searches another one answers."""

    def __init__(self, service: RemoteService, other: RemoteService) -> None:
        super().__init__(service)
        self._other = other

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        return self._other.search(request, observer)


def test_nothing_of_a_truncated_answer_is_believed(
    gallery: GalleryClient, service: RemoteService, key: GalleryKey, relay: Relay
) -> None:
    with GalleryClient(service, key, gallery.description.name) as reader:  # that knows nothing yet
        whole = search_answer(reader, relay)
    manifest_end = 4 + int.from_bytes(whole[:4], "little")
    failure = framed(Failure("DatabaseError", "the server's database failed").to_bytes())
    cases: list[tuple[bytes, type[GalleryError]]] = [
        (b"", ServerError),
        (whole[:-4], MalformedMessageError),
        (whole[:-5], MalformedMessageError),
        (whole[: len(whole) // 2], MalformedMessageError),
        (whole[:manifest_end] + bytes(4), IntegrityError),
        (whole[:manifest_end] + failure + bytes(4), GalleryError),
        (whole[:-4] + failure + bytes(4), GalleryError),
        (whole[:-4] + whole[manifest_end:], MalformedMessageError),
        (whole + b"x", MalformedMessageError),
        (b"\xff\xff\xff\xff" + whole, MalformedMessageError),
        (bytes(4), MalformedMessageError),
    ]
    for body, kind in cases:
        with answering(response(body)) as other:
            elsewhere = SearchElsewhere(service, other)
            with GalleryClient(elsewhere, key, gallery.description.name) as client:
                with pytest.raises(kind):
                    client.identify(random_embeddings(1, 8), threshold=0.01)


# --- tokens and certificates ----------------------------------------------------------------------


def test_a_token_shows_nowhere() -> None:
    service = RemoteService("http://127.0.0.1:1", AccessToken(TOKEN))

    with pytest.raises(ServerError) as caught:
        service.gallery_names()
    service.close()

    for shown in (repr(service), str(service), repr(AccessToken(TOKEN)), str(caught.value)):
        assert TOKEN not in shown
        assert "s3cr3t" not in shown


@pytest.mark.parametrize(
    "url",
    [
        "",
        "faces.example.org",
        "ftp://faces.example.org",
        "https://",
        "https://owner:secret@faces.example.org",
        "https://faces.example.org/?token=secret",
        "https://faces.example.org/#x",
        "http://faces.example.org",
        "http://127.0.0.1.example.org",
        "http://[::2]:80",
        "https://faces.example.org:port",
        "https://faces.example.org:65536",
        "https://faces.example.org:0",
        "http://\x00",
    ],
)
def test_an_address_that_is_none_or_not_safe_is_refused(url: str) -> None:
    with pytest.raises(ServerError) as caught:
        RemoteService(url, AccessToken(TOKEN))

    assert "secret" not in str(caught.value)


def test_plain_http_to_another_machine_can_be_meant() -> None:
    RemoteService("http://faces.example.org", AccessToken(TOKEN), plain_http=True).close()
    for url in ("http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"):
        RemoteService(url, AccessToken(TOKEN)).close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for this machine that nobody but itself vouches for."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


def test_a_certificate_is_trusted_when_its_authority_is_named(
    certificate: TlsFiles, key: GalleryKey, tmp_path: Path
) -> None:
    with serving(f"sqlite:///{tmp_path}/gallery.db", tls=certificate) as server:
        token = AccessToken(server.token("owner", Scope.ADMIN))
        service = RemoteService(server.url, token, authorities=certificate.certificate)
        with GalleryClient.create(service, key, dimension=8) as client:
            client.enroll(random_embeddings(3, 8), names(3))
            found = client.identify(random_embeddings(3, 8), threshold=0.01)
        service.close()
        stranger = RemoteService(server.url, token)
        with pytest.raises(ServerError, match="argument authorities"):
            stranger.gallery_names()
        stranger.close()
        other = server.url.replace("127.0.0.1", "localhost")
        misnamed = RemoteService(other, token, authorities=certificate.certificate)
        with pytest.raises(ServerError, match="its certificate is for another name"):
            misnamed.gallery_names()
        misnamed.close()
        plain = RemoteService(server.url.replace("https", "http"), token)
        with pytest.raises(ServerError, match="is its address https instead of http"):
            plain.gallery_names()
        plain.close()
        old = ssl.create_default_context(cafile=certificate.certificate)
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        assert _version(server, old) == "TLSv1.2"

    assert [*found.labels[:, 0]] == names(3)


def _version(server: Serving, context: ssl.SSLContext) -> str | None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as secured:
            return secured.version()


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    for path in ("none.pem", "missing.pem"):
        with pytest.raises(ServerError, match="cannot be used"):
            RemoteService("https://localhost", AccessToken(TOKEN), authorities=tmp_path / path)


def test_a_token_that_is_none_is_refused(server: Serving) -> None:
    service = RemoteService(server.url, AccessToken(TOKEN))
    with pytest.raises(AccessDeniedError):
        service.gallery_names()
    service.close()


def test_nothing_that_a_server_sets_is_kept_or_sent_back() -> None:
    """It could fill the memory of a program that runs for long, and know it by that."""
    cookies = [f"Set-Cookie: c{number}={'x' * 1000}; Max-Age=99999" for number in range(40)]
    listing, heard = GalleryNames(("one",)).to_bytes(), list[bytes]()
    with answering(response(listing, "200 OK", *cookies), heard=heard) as service:
        for _ in range(2):
            assert service.gallery_names() == ["one"]

    assert len(heard) == 2
    assert all(b"cookie" not in head.lower() for head in heard)
