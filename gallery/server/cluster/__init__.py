"""Searches on the workers of a Dask cluster; only this room knows Dask.

A worker reads its share of a gallery's blocks from the shared database and keeps it in memory. It
holds ciphertexts and no key, as the server does.
"""

from gallery.server.cluster.address import ClusterAddress

__all__ = ["ClusterAddress"]
