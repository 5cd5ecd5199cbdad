"""What users of the library see: `GalleryClient`, one class, whose methods lie here by their roles.

Each module adds the methods of one role to those of the modules that it needs; `client` adds how a
gallery is opened, made and restored. The work is done in the other rooms.
"""

from gallery.client.facade.client import GalleryClient

__all__ = ["GalleryClient"]
