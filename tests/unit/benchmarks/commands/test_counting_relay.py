"""The relay counts what goes through it, in both directions."""

from __future__ import annotations

import socket
import threading

from benchmarks.commands.counting_relay import counting_relay


def test_bytes_of_both_directions_are_counted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            near, _ = server.accept()
            with near:
                while data := near.recv(1000):
                    near.sendall(2 * data)

        thread = threading.Thread(target=answer)
        thread.start()
        with counting_relay(f"http://127.0.0.1:{server.getsockname()[1]}") as relay:
            port = int(relay.url.rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(bytes(500_000))
                client.shutdown(socket.SHUT_WR)
                received = 0
                while data := client.recv(65536):
                    received += len(data)
            relay.settle()

            assert received == 1_000_000
            assert (relay.up, relay.down) == (500_000, 1_000_000)
        thread.join()
