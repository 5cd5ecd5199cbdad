"""Downloads from a real server on the loopback: whole, or nothing and a reason."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from gallery.client.photos import download
from gallery.client.photos.download import DownloadError, fetch

BODY = bytes(range(256)) * 4096


class Handler(BaseHTTPRequestHandler):
    """Answers by path; /silent and /drip end when the server is told to stop."""

    stop = threading.Event()

    def do_GET(self) -> None:
        if self.path == "/silent":
            self.stop.wait(30)
            return
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/file")
            self.end_headers()
            return
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        kind = "text/html; charset=utf-8" if self.path == "/page" else "application/octet-stream"
        self.send_header("Content-Type", kind)
        if self.path not in ("/drip", "/unsized"):
            length = {"/short": len(BODY) + 1, "/empty": 0}.get(self.path, len(BODY))
            self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.path == "/drip":
            while not self.stop.wait(0.01):
                try:
                    self.wfile.write(b".")
                except OSError:
                    return
        elif self.path != "/empty":
            self.wfile.write(BODY)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server() -> Iterator[str]:
    Handler.stop = threading.Event()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        Handler.stop.set()
        httpd.shutdown()
        thread.join()


@pytest.mark.parametrize("path", ["/file", "/unsized", "/moved"])
def test_whole_file_with_progress(server: str, tmp_path: Path, path: str) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch([server + path], tmp_path / "w.onnx", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "w.onnx").read_bytes() == BODY
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.onnx"]
    assert seen == sorted(seen)
    assert seen[-1] == (len(BODY), None if path == "/unsized" else len(BODY))


def test_second_address_stands_in_for_the_first(server: str, tmp_path: Path) -> None:
    fetch([f"{server}/missing", f"{server}/file"], tmp_path / "w.onnx")
    assert (tmp_path / "w.onnx").read_bytes() == BODY


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/missing", "answered 404"),
        ("/page", "web page"),
        ("/short", f"ended after {len(BODY)} of {len(BODY) + 1}"),
        ("/empty", "ended after 0"),
        ("/silent", "no answer within"),
        ("/drip", "too slow"),
    ],
)
def test_failures_say_why_and_leave_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, reason: str
) -> None:
    monkeypatch.setattr(download, "OPEN_SECONDS", 0.3)
    monkeypatch.setattr(download, "_GRACE_SECONDS", 0.3)
    with pytest.raises(DownloadError, match=reason):
        fetch([server + path], tmp_path / "w.onnx")
    assert list(tmp_path.iterdir()) == []


def test_refused_connection_and_unknown_host(tmp_path: Path) -> None:
    urls = ["http://127.0.0.1:1/w", "http://nowhere.invalid/w"]
    with pytest.raises(DownloadError) as caught:
        fetch(urls, tmp_path / "w.onnx")
    assert all(url in str(caught.value) for url in urls)
    assert list(tmp_path.iterdir()) == []


def test_interruption_leaves_nothing(server: str, tmp_path: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch([f"{server}/file"], tmp_path / "w.onnx", interrupt)
    assert list(tmp_path.iterdir()) == []
