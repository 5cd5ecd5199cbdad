"""The keyless service over HTTP: who may ask for what, within limits, and how it is watched."""

from gallery.server.http.app import make_app
from gallery.server.http.config import ServerConfig, TlsFiles
from gallery.server.http.running import is_loopback, serve

__all__ = ["ServerConfig", "TlsFiles", "is_loopback", "make_app", "serve"]
