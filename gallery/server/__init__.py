"""The keyless side: stores ciphertexts and compares them, without any key."""

from gallery.server.cluster import ClusterAddress
from gallery.server.service import EmbeddedService, migrate, open_service

__all__ = ["ClusterAddress", "EmbeddedService", "migrate", "open_service"]
