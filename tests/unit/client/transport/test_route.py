"""The way to a server, as the environment says it: understood, or the variable is named."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import certifi
import httpx
import pytest

from gallery.client.transport import AccessToken, RemoteService
from gallery.client.transport.route import proxy_for
from gallery.errors import ServerError
from tests.support.answering import TOKEN

VARIABLES = [
    *("http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE"),
]


@pytest.fixture(autouse=True)
def _bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ALL_PROXY", "socks5://proxy.example.org:1080"),
        ("all_proxy", "socks5h://owner:S3cret@proxy.example.org"),
        ("HTTPS_PROXY", "socks4://proxy.example.org:1080"),
        ("https_proxy", "ftp://proxy.example.org"),
        ("HTTPS_PROXY", "http://"),
        ("HTTPS_PROXY", "http://owner:S3cret@"),
        ("HTTPS_PROXY", "http://proxy.example.org:port"),
        ("HTTPS_PROXY", "http://[::1"),
        ("HTTPS_PROXY", "http://proxy.example.org:70000"),
        ("HTTPS_PROXY", "://S3cret"),
        ("SSL_CERT_FILE", "gone"),
        ("SSL_CERT_FILE", str(Path(__file__).parent)),
        ("SSL_CERT_FILE", __file__),
        ("SSL_CERT_DIR", "gone"),
        ("SSLKEYLOGFILE", "gone/keys"),
        ("SSLKEYLOGFILE", "/dev/full"),
    ],
)
def test_the_variable_at_fault_is_named_and_not_what_it_holds(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)

    with pytest.raises(ServerError, match=rf"\b{variable}\b") as caught:
        RemoteService("https://faces.example.org", AccessToken(TOKEN))

    assert caught.value.exit_code == 60
    assert "S3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "chosen"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:1"}, "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "proxy:1", "https_proxy": "proxy:2"}, "https_proxy"),
        ({"ALL_PROXY": "socks5://proxy", "HTTPS_PROXY": "proxy:1"}, "HTTPS_PROXY"),
        ({"ALL_PROXY": "proxy:1"}, "ALL_PROXY"),
        ({"HTTP_PROXY": "proxy:1"}, None),
        ({"HTTPS_PROXY": ""}, None),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": "*"}, None),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": "localhost, *"}, None),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": "example.org"}, None),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": ".example.org"}, None),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": "ample.org"}, "ALL_PROXY"),
        ({"ALL_PROXY": "proxy:1", "NO_PROXY": "localhost,fe80::/10"}, "ALL_PROXY"),
    ],
)
def test_the_proxy_is_the_one_that_curl_takes(
    environment: dict[str, str], chosen: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    found = proxy_for(httpx.URL("https://faces.example.org:8470"))

    assert (found.origin if found else None) == (f"the variable {chosen}" if chosen else None)


@pytest.mark.parametrize(
    ("url", "listed", "direct"),
    [
        ("https://[fe80::1]:8470", "localhost,fe80::/10", True),
        ("https://[2001:db8::1]", "localhost,fe80::/10", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.0.0.1/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://[::1]:8470", "::1", True),
        ("https://faces.example.org", "10.0.0.0/8,nonsense/99", False),
    ],
)
def test_networks_in_no_proxy_are_understood(
    url: str, listed: str, direct: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", listed)

    assert (proxy_for(httpx.URL(url)) is None) == direct
    RemoteService(url, AccessToken(TOKEN)).close()


def test_a_proxy_without_a_scheme_is_asked_and_its_refusal_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            end, _ = listener.accept()
            with end:
                asked.append(end.recv(2**16))
                end.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        thread = threading.Thread(target=refuse)
        thread.start()
        monkeypatch.setenv("https_proxy", f"127.0.0.1:{listener.getsockname()[1]}")
        service = RemoteService("https://faces.example.org", AccessToken(TOKEN))
        with pytest.raises(ServerError, match="proxy that the variable https_proxy names refuses"):
            service.gallery_names()
        service.close()
        thread.join()

    assert asked[0].startswith(b"CONNECT faces.example.org:443 ")
    assert TOKEN.encode() not in asked[0]


def test_certificates_that_the_environment_names_are_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable, value in (("SSL_CERT_FILE", certifi.where()), ("SSL_CERT_DIR", str(tmp_path))):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            RemoteService("https://faces.example.org", AccessToken(TOKEN)).close()
