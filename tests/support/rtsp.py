"""A camera that speaks RTSP: a video sent over the connection that asks for it, then it hangs up.

Just enough of RFC 2326 for one client at a time: RTP packets (RFC 3550) of an MPEG transport stream
(RFC 2250), interleaved with the requests.
"""

from __future__ import annotations

import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_TS_PACKET = 188
_DESCRIPTION = (
    b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nt=0 0\r\nm=video 0 RTP/AVP 33\r\n"
    b"a=control:track\r\n"
)


@contextmanager
def rtsp_camera(streams: list[Path], held: bool = True) -> Iterator[str]:
    """Serve one transport stream for each connection that plays; give the URL.

    ``held`` keeps the last connection open when its stream was sent.
    """
    closing, left = threading.Event(), list(streams)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while request := self._request():
                method, number = request
                if method == "DESCRIBE":
                    head = b"Content-Type: application/sdp\r\nContent-Length: %d\r\n"
                    self._answer(number, head % len(_DESCRIPTION), _DESCRIPTION)
                elif method == "SETUP":
                    transport = b"RTP/AVP/TCP;unicast;interleaved=0-1"
                    self._answer(number, b"Session: 1\r\nTransport: %s\r\n" % transport)
                elif method == "PLAY":
                    self._answer(number, b"Session: 1\r\n")
                    self._play()
                    return
                else:
                    self._answer(number, b"Public: DESCRIBE, SETUP, PLAY\r\n")

        def _request(self) -> tuple[str, int] | None:
            lines: list[str] = []
            while (line := self.rfile.readline().strip()) or not lines:
                if not line:
                    return None
                lines.append(line.decode())
            number = next(line for line in lines if line.lower().startswith("cseq"))
            return lines[0].split()[0], int(number.split(":")[1])

        def _answer(self, number: int, headers: bytes, body: bytes = b"") -> None:
            self.wfile.write(b"RTSP/1.0 200 OK\r\nCSeq: %d\r\n%s\r\n" % (number, headers) + body)

        def _play(self) -> None:
            if not left:
                return
            content = left.pop(0).read_bytes()
            step = 7 * _TS_PACKET
            for count, start in enumerate(range(0, len(content), step)):
                head = struct.pack(">BBHII", 0x80, 33, count & 0xFFFF, 3600 * count, 1)
                packet = head + content[start : start + step]
                try:
                    self.wfile.write(struct.pack(">cBH", b"$", 0, len(packet)) + packet)
                except OSError:
                    return
            if held and not left:
                closing.wait(60)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: object, address: object) -> None:
            """Keep the test's output clean: clients hang up."""

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"rtsp://127.0.0.1:{server.server_address[1]}/camera"
        finally:
            closing.set()
            server.shutdown()
            thread.join()
