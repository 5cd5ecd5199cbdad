"""The keyless service over HTTP: routes, authorization, limits, logs and statistics."""

from gallery.server.http.app import make_app
from gallery.server.http.config import ServerConfig
from gallery.server.http.uvicorn_server import serve

__all__ = ["ServerConfig", "make_app", "serve"]
