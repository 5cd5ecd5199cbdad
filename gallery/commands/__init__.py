"""The command line. Importing this imports click and nothing of the client or the server."""

from gallery.commands.main import main

__all__ = ["main"]
