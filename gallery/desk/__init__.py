"""The owner's desk: pages and an API on the machine that holds the key.

The desk is the key owner's side. It talks to a `gallery.protocol.GalleryService`, as the commands
do, and imports nothing of the keyless server.
"""

from gallery.desk.config import DeskConfig
from gallery.desk.owner import Owner
from gallery.desk.web_server import run

__all__ = ["DeskConfig", "Owner", "run"]
