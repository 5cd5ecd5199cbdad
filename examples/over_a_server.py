"""The two sides on two ends of a connection: a server without a key, and the owner with one.

It starts ``gallery serve`` on this machine, as an operator would on another, and asks it over HTTP.
Run it with an empty folder to keep the files:

    python examples/over_a_server.py [FOLDER]
"""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from gallery.client import GalleryClient, GalleryKey
from gallery.client.transport import AccessToken, RemoteService
from gallery.demo.embeddings import make_embeddings

GALLERY = (str(Path(sys.executable).with_name("gallery")),)


@contextmanager
def serving(database: str, log: Path) -> Iterator[str]:
    """Run a server on the loopback interface, which needs no TLS; give its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [*GALLERY, "serve", "--database", database, "--port", str(port)]
    with log.open("wb") as output:
        server = subprocess.Popen(command, stderr=output)
    try:
        while b'"listening"' not in log.read_bytes():
            if server.poll() is not None:
                raise SystemExit(f"the server did not start: {log.read_text()}")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def main(folder: Path) -> None:
    """Make a token, start a server, and enroll and search through it."""
    database, samples = f"sqlite:///{folder / 'gallery.db'}", make_embeddings()

    # The operator makes a token; it is printed once and never stored.
    create = [*GALLERY, "token", "create", "--database", database, "--quiet"]
    create += ["--name", "office", "--scope", "admin"]
    token = subprocess.run(create, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    # The key never leaves this process: what is sent is encrypted probes and encrypted blocks.
    key = GalleryKey.generate()
    with (
        serving(database, folder / "server.log") as url,
        closing(RemoteService(url, AccessToken(token))) as service,
        GalleryClient.create(service, key, "staff", dimension=128, threshold=0.4) as client,
    ):
        client.enroll(samples.people.embeddings, samples.people.labels)
        found = client.identify(samples.probes.embeddings)
        for row, probe in enumerate(samples.probes.labels):
            print(f"{probe:15} {found.labels[row, 0] if found.decisions[row] else 'non-match'}")

    # What the operator learns: who asked, when, for which gallery, with how many probes.
    print("the audit log of the server:", flush=True)
    subprocess.run([*GALLERY, "audit", "--database", database, "--quiet"], check=True)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
