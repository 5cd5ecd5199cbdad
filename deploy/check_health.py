"""Health check of the images: whether what serves a port of this container answers.

    python check_health.py PORT

It may speak TLS. Its certificate is for the name that clients use, and this asks by another.
"""

import http.client
import ssl
import sys

HOST = "127.0.0.1"
SECONDS = 2


def answers(connection: http.client.HTTPConnection) -> bool:
    """Return whether ``/healthz`` is answered over a connection."""
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(port: int) -> int:
    """Return 0 if the port's server answers in either way, else 1."""
    plain = http.client.HTTPConnection(HOST, port, timeout=SECONDS)
    trust = ssl.create_default_context()
    trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    secure = http.client.HTTPSConnection(HOST, port, timeout=SECONDS, context=trust)
    return 0 if answers(plain) or answers(secure) else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
