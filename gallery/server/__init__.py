"""The keyless side: stores ciphertexts and compares them, without any key."""

from gallery.server.service import EmbeddedService, migrate, open_service

__all__ = ["EmbeddedService", "migrate", "open_service"]
