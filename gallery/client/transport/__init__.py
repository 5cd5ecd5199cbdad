"""Transports to a keyless side on another machine.

Nothing else in the client imports this room: the caller that opens a gallery hands it a service.
"""

from gallery.client.transport.access_token import AccessToken
from gallery.client.transport.remote import RemoteService

__all__ = ["AccessToken", "RemoteService"]
